import dev.postern.mobile.AuthConfig
import dev.postern.mobile.Browser
import dev.postern.mobile.Hooks
import dev.postern.mobile.MobileAuth
import dev.postern.mobile.Want
import java.io.File

suspend fun main(arguments: Array<String>) {
    val (issuer, folder) = arguments
    val config = AuthConfig(issuer, clientId = "app", redirectUri = "http://127.0.0.1/callback", allowLoopback = true)
    MobileAuth.create(config, Hooks.inFolder(File(folder))).use { auth ->
        val browser = Browser { ready ->
            println("Open ${ready.url}\nand paste the address that the browser comes back to:")
            readln()
        }
        val session = auth.session() ?: auth.signIn(browser)
        val answer = session.fetch("$issuer/userinfo")
        println("The API says ${answer.status}: ${answer.body.decodeToString()}")
        val token = session.accessToken(Want(fresh = true))
        println("A new token: $token")
    }
}
