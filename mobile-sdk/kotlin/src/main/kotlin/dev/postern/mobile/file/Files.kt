package dev.postern.mobile.file

import java.io.File
import java.io.IOException
import java.net.URLEncoder
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.nio.file.FileSystems
import java.nio.file.Files
import java.nio.file.NoSuchFileException
import java.nio.file.OpenOption
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardOpenOption.CREATE_NEW
import java.nio.file.StandardOpenOption.READ
import java.nio.file.StandardOpenOption.WRITE
import java.nio.file.attribute.FileAttribute
import java.nio.file.attribute.PosixFilePermissions

/** A folder that only its user reads; one that is there already stays as it is. */
internal fun privateFolder(folder: File): File {
    if (!folder.isDirectory) Files.createDirectories(folder.toPath(), *only("rwx------"))
    return folder
}

/** If that makes a file, only its user reads it, whatever folder it is in. */
internal fun File.openPrivately(vararg options: OpenOption): FileChannel =
    FileChannel.open(toPath(), options.toSet(), *only("rw-------"))

/** Where the file system knows of permissions. Windows has a user's files in a folder that is theirs alone. */
private fun only(permissions: String): Array<FileAttribute<*>> =
    if ("posix" !in FileSystems.getDefault().supportedFileAttributeViews()) {
        emptyArray()
    } else {
        arrayOf(PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions)))
    }

/** A name as a file has it: other characters than letters, digits and `.-_` are escaped. */
internal fun fileName(kind: String, name: String): String = kind + URLEncoder.encode(name, "UTF-8")

internal fun File.bytesOrNull(): ByteArray? = try {
    Files.readAllBytes(toPath())
} catch (_: NoSuchFileException) {
    null
}

/**
 * Writes a file as a whole: a new one, forced to the disk, takes the name of the old one. Under a lock, so that what is left
 * of a writer that was killed is nobody's.
 */
internal fun File.replaceWith(bytes: ByteArray) {
    val new = File(parentFile, "new")
    Files.deleteIfExists(new.toPath())
    new.openPrivately(CREATE_NEW, WRITE).use { channel ->
        val buffer = ByteBuffer.wrap(bytes)
        while (buffer.hasRemaining()) channel.write(buffer)
        channel.force(true)
    }
    Files.move(new.toPath(), toPath(), ATOMIC_MOVE)
    force(parentFile)
}

internal fun File.deleteForGood() {
    if (Files.deleteIfExists(toPath())) force(parentFile)
}

/** The names in a folder survive a power cut, too. */
private fun force(folder: File) {
    try {
        FileChannel.open(folder.toPath(), READ).use { it.force(true) }
    } catch (_: IOException) {
        // Windows opens no folders, and needs no help with them.
    }
}
