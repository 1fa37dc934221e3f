package dev.postern.mobile.harness

import java.io.File

/** Another JVM with the same classes. */
fun jvm(main: String, vararg arguments: String, log: File? = null): Process {
    val classes = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
    val command = listOf(
        File(System.getProperty("java.home"), "bin/java").path, "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
        "-Djna.library.path=${System.getProperty("jna.library.path")}", "-cp", classes, main,
    )
    val builder = ProcessBuilder(command + arguments).redirectErrorStream(true)
    if (log != null) builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log))
    return builder.start()
}
