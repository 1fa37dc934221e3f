package dev.postern.mobile.harness

import java.net.ServerSocket
import java.net.Socket
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.concurrent.thread

/** Answers each request, over a connection of its own, with what it is told: bytes as Latin-1. */
class ScriptedServer(private val drip: Boolean = false, private val answer: (request: String) -> String) : AutoCloseable {
    private val socket = ServerSocket(0)
    val url = "http://localhost:${socket.localPort}/"
    val requests = CopyOnWriteArrayList<String>()

    init {
        thread(isDaemon = true) {
            try {
                while (true) serve(socket.accept())
            } catch (_: java.io.IOException) {
                // Closed.
            }
        }
    }

    private fun serve(connection: Socket): Unit = connection.use {
        try {
            val request = read(connection) ?: return@use
            requests += request
            val bytes = answer(request).toByteArray(Charsets.ISO_8859_1)
            val out = connection.getOutputStream()
            if (!drip) {
                out.write(bytes)
                out.flush()
            } else {
                for (byte in bytes) {
                    out.write(byte.toInt())
                    out.flush()
                    Thread.sleep(20)
                }
            }
        } catch (_: java.io.IOException) {
            // The client has left.
        }
    }

    private fun read(connection: Socket): String? {
        val stream = connection.getInputStream()
        val text = StringBuilder()
        while (!text.endsWith("\r\n\r\n")) {
            val byte = stream.read()
            // Nobody, or TLS.
            if (byte < 0 || byte == 0x16) return null
            text.append(byte.toChar())
            if (text.length > 10_000) return null
        }
        val length = Regex("content-length: (\\d+)", RegexOption.IGNORE_CASE).find(text)?.groupValues?.get(1)?.toInt() ?: 0
        repeat(length) { text.append(stream.read().toChar()) }
        return text.toString()
    }

    override fun close() = socket.close()
}
