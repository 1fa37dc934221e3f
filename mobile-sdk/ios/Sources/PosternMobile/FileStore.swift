import Foundation

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Records in files of one folder, shared by processes: for tests, and for programs on desktops whose folder only their user
/// can read. On a phone it is `KeychainStore`.
///
/// A file is the version and the value. A write is a new file that takes the old one's name.
public struct FileStore: SecureStore {
    let folder: URL

    /// Makes the folder, if there is none, for its user alone.
    public init(folder: URL) throws {
        self.folder = folder
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    public func get(_ key: String) async throws -> Versioned? {
        try read(key)
    }

    public func put(_ key: String, _ value: Data, expect: Int64) async throws -> PutResult {
        try swapping {
            guard try read(key)?.version ?? 0 == expect else { return .conflict }
            let version = Int64.random(in: 1 ... .max)
            try write(key, withUnsafeBytes(of: version.bigEndian) { Data($0) } + value)
            return .stored(version: version)
        }
    }

    public func delete(_ key: String, expect: Int64?) async throws -> Bool {
        try swapping {
            if let expect, try read(key)?.version ?? 0 != expect { return false }
            unlink(unfinished(key))
            guard unlink(path(key)) == 0 || errno == ENOENT else { throw HookError.io }
            // Also where there was none: who has deleted it may have been killed before this.
            try synchronize(folder)
            return true
        }
    }

    public func keys(prefix: String) async throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return names.compactMap { name in
            guard name.hasPrefix("r-"), let key = String(name.dropFirst(2)).removingPercentEncoding else { return nil }
            return key.hasPrefix(prefix) ? key : nil
        }
    }

    private func path(_ key: String) -> String {
        folder.appendingPathComponent("r-" + fileName(key)).path
    }

    /// What a process that was killed has left of a write; the next one writes over it.
    private func unfinished(_ key: String) -> String {
        folder.appendingPathComponent("t-" + fileName(key)).path
    }

    private func read(_ key: String) throws -> Versioned? {
        let descriptor = open(path(key), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw HookError.io
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        let bytes: Data
        do {
            bytes = try file.readToEnd() ?? Data()
        } catch {
            throw HookError.io
        }
        let version = bytes.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        guard bytes.count >= 8, version > 0 else { throw HookError.corrupt }
        return Versioned(value: Data(bytes.dropFirst(8)), version: version)
    }

    private func write(_ key: String, _ bytes: Data) throws {
        let new = unfinished(key)
        let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw HookError.io }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try file.write(contentsOf: bytes)
            try file.synchronize()
            guard rename(new, path(key)) == 0 else { throw HookError.io }
        } catch {
            unlink(new)
            throw HookError.io
        }
        try synchronize(folder)
    }

    /// One at a time, of all processes and of all threads: each opens the file anew, so each has a lock of its own.
    private func swapping<Result>(_ body: () throws -> Result) throws -> Result {
        let descriptor = open(folder.appendingPathComponent("swap.lock").path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw HookError.io }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw HookError.io }
        }
        return try body()
    }
}

/// So that the new name of a file in it, or that it has none, survives a power cut.
func synchronize(_ folder: URL) throws {
    let descriptor = open(folder.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw HookError.io }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw HookError.io }
}

/// A name that is one file's in any folder.
func fileName(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "_"
}
