package dev.postern.mobile.harness

import dev.postern.mobile.AuthConfig
import java.io.File
import java.net.InetSocketAddress
import java.net.ServerSocket
import java.net.Socket
import java.nio.file.Files
import java.util.concurrent.TimeUnit

/** Another app, which nobody is asked about. */
fun app(id: String, scope: String, vararg flags: String): List<String> =
    listOf("client", "add", id, "--name", "Notes", "--consent", "never", "--scope", scope) + flags

/**
 * The real server: the `postern` binary as a process with a folder of its own. Alice and the app `app` are known to it, and
 * these apps.
 */
class Server(vararg apps: List<String>) : AutoCloseable {
    private val folder = Files.createTempDirectory("postern-kotlin").toFile()
    private val data = File(folder, "data").path
    private val log = File(folder, "log")
    private val port = ServerSocket(0).use { it.localPort }
    val issuer = "http://localhost:$port"
    private val process: Process

    init {
        run("init", "--public-url", issuer)
        run("user", "add", "alice@example.com", "--password-stdin", given = PASSWORD)
        run(
            "client", "add", "app", "--name", "Notes", "--redirect-uri", "http://127.0.0.1/callback", "--consent", "never",
            "--dpop", "required", "--may-end-browser-session",
        )
        apps.forEach { run(*it.toTypedArray()) }
        process = ProcessBuilder(program, "serve", "--listen", "127.0.0.1:$port", "--data", data)
            .redirectErrorStream(true).redirectOutput(log).start()
        while (!answers()) {
            check(process.isAlive) { log.readText() }
            Thread.sleep(10)
        }
    }

    private fun answers() = try {
        Socket().use { it.connect(InetSocketAddress("127.0.0.1", port)) }
        true
    } catch (_: java.io.IOException) {
        false
    }

    /** Runs a command on the server's folder; what it prints. */
    fun run(vararg arguments: String, given: String = ""): String {
        val said = File.createTempFile("said", null, folder)
        val command = ProcessBuilder(program, *arguments, "--data", data).redirectErrorStream(true).redirectOutput(said).start()
        command.outputStream.use { it.write(given.encodeToByteArray()) }
        check(command.waitFor() == 0) { "${arguments.toList()}: ${said.readText()}" }
        return said.readText()
    }

    /** An app's configuration. */
    fun config(scopes: Set<String> = setOf("openid", "profile", "offline_access"), clientId: String = "app") =
        AuthConfig(issuer, clientId, "http://127.0.0.1/callback", scopes, allowLoopback = true)

    fun browser(email: String = "alice@example.com") = HeadlessBrowser(issuer, email)

    fun events(): String = run("events", "export", "--since", "2000-01-01T00:00:00Z")

    fun count(event: String): Int = events().lines().count { event in it }

    fun log(): String = log.readText()

    override fun close() {
        process.destroy()
        if (!process.waitFor(10, TimeUnit.SECONDS)) process.destroyForcibly().waitFor()
        folder.deleteRecursively()
    }

    companion object {
        const val PASSWORD = "correct horse battery staple"
        private val program = System.getenv("POSTERN") ?: System.getProperty("postern.program")
    }
}
