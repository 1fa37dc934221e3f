import Foundation
import XCTest

@testable import PosternMobile

final class FileStoreTests: XCTestCase {
    private let folder = Folder()

    func testOfAllWhoWriteOneWins() async throws {
        let store = try FileStore(folder: folder.url)
        guard case .stored(var version) = try await store.put("account/a", Data("0".utf8), expect: 0) else {
            return XCTFail("there was none")
        }
        for round in 1...20 {
            let expect = version
            let results = try await withThrowingTaskGroup(of: PutResult.self) { group in
                for writer in 0..<8 {
                    // Each as another process would: nothing is shared but the folder.
                    let other = try FileStore(folder: folder.url)
                    group.addTask { try await other.put("account/a", Data("\(round) \(writer)".utf8), expect: expect) }
                }
                return try await group.reduce(into: [PutResult]()) { $0.append($1) }
            }
            let won = results.filter { $0 != .conflict }
            XCTAssertEqual(won.count, 1)
            guard case .stored(let next) = won.first else { return }
            version = next
            let there = try await store.get("account/a")
            XCTAssertEqual(there?.version, version)
        }
    }

    func testARecordIsWhatWasWrittenUnderItsName() async throws {
        let store = try FileStore(folder: folder.url)
        let value = Data((0...255).map { UInt8($0) })
        let name = "pending/é ../%2F_-."
        guard case .stored(let version) = try await store.put(name, value, expect: 0) else { return XCTFail("none") }
        let found = try await store.get(name)
        XCTAssertEqual(found, Versioned(value: value, version: version))
        let names = try await store.keys(prefix: "pending/")
        XCTAssertEqual(names, [name])
        let again = try await store.put(name, value, expect: 0)
        XCTAssertEqual(again, .conflict)
        let other = try await store.delete(name, expect: version + 1)
        XCTAssertFalse(other)
        let gone = try await store.delete(name, expect: version)
        XCTAssertTrue(gone)
        let none = try await store.get(name)
        XCTAssertNil(none)
        let goneAgain = try await store.delete(name, expect: nil)
        XCTAssertTrue(goneAgain)
        let goneToo = try await store.delete(name, expect: version)
        XCTAssertFalse(goneToo)
    }

    func testAWriteThatWasCutOffLeavesNothing() async throws {
        let store = try FileStore(folder: folder.url)
        let left = folder.url.appendingPathComponent("t-a")
        try Data("half of a long record".utf8).write(to: left)
        guard case .stored(let version) = try await store.put("a", Data("x".utf8), expect: 0) else { return XCTFail("none") }
        let found = try await store.get("a")
        XCTAssertEqual(found, Versioned(value: Data("x".utf8), version: version))
        XCTAssertFalse(FileManager.default.fileExists(atPath: left.path))
        try Data("half".utf8).write(to: left)
        _ = try await store.delete("a", expect: nil)
        XCTAssertFalse(FileManager.default.fileExists(atPath: left.path))
    }

    func testWhoIsReadingARecordThatIsWrittenAnewReadsTheOldOneToItsEnd() async throws {
        let store = try FileStore(folder: folder.url)
        guard case .stored(let first) = try await store.put("a", Data("one".utf8), expect: 0) else { return XCTFail("none") }
        let reader = try FileHandle(forReadingFrom: folder.url.appendingPathComponent("r-a"))
        _ = try await store.put("a", Data("two, and longer".utf8), expect: first)
        XCTAssertEqual(try reader.readToEnd()?.dropFirst(8), Data("one".utf8))
        try reader.close()
    }

    func testASpoiltFileIsCorruptAndNotGone() async throws {
        let store = try FileStore(folder: folder.url)
        _ = try await store.put("account/a", Data("x".utf8), expect: 0)
        let files = try FileManager.default.contentsOfDirectory(at: folder.url, includingPropertiesForKeys: nil)
        let file = try XCTUnwrap(files.first { $0.lastPathComponent.hasPrefix("r-") })
        for spoilt in [Data(), Data([0, 0, 0]), Data(repeating: 0xFF, count: 20), Data(repeating: 0, count: 20)] {
            try spoilt.write(to: file)
            do {
                _ = try await store.get("account/a")
                XCTFail("\(spoilt.count)")
            } catch let error as HookError {
                XCTAssertEqual(error, .corrupt)
            }
        }
    }
}

final class FileLeaseTests: XCTestCase {
    private let folder = Folder()

    func testAFolderThatCannotBeMadeNowMayBeLater() async throws {
        try Data().write(to: folder.url)
        let lease = FileLease(lazily: folder.url.appendingPathComponent("Postern"))
        let refused = await lease.take("refresh/a", ttl: .seconds(25), wait: .zero)
        XCTAssertFalse(refused)
        try FileManager.default.removeItem(at: folder.url)
        let taken = await lease.take("refresh/a", ttl: .seconds(25), wait: .zero)
        XCTAssertTrue(taken)
    }

    func testOneHasItAndTheOthersWait() async throws {
        let (one, other) = (try FileLease(folder: folder.url), try FileLease(folder: folder.url))
        let taken = await one.take("refresh/a", ttl: .seconds(25), wait: .zero)
        XCTAssertTrue(taken)
        let refused = await other.take("refresh/a", ttl: .seconds(25), wait: .milliseconds(60))
        XCTAssertFalse(refused)
        let another = await other.take("refresh/b", ttl: .seconds(25), wait: .zero)
        XCTAssertTrue(another)
        await other.give("refresh/a")
        let stillRefused = await other.take("refresh/a", ttl: .seconds(25), wait: .zero)
        XCTAssertFalse(stillRefused, "it is not its to give")
        await one.give("refresh/a")
        let free = await other.take("refresh/a", ttl: .seconds(25), wait: .zero)
        XCTAssertTrue(free)
    }

    func testWhereNothingCanBeWrittenNobodyWaits() async throws {
        let clock = Hand()
        let lease = try FileLease(folder: folder.url, clock: clock)
        try FileManager.default.removeItem(at: folder.url)
        try Data().write(to: folder.url)
        let before = clock.now().monotonicMs
        let taken = await lease.take("refresh/a", ttl: .seconds(25), wait: .seconds(10))
        XCTAssertFalse(taken)
        XCTAssertLessThan(clock.now().monotonicMs - before, 1000)
    }

    func testTheLeaseOfAProcessThatIsGoneFalls() async throws {
        let clock = Hand()
        let gone = try FileLease(folder: folder.url, clock: clock)
        let next = try FileLease(folder: folder.url, clock: clock)
        _ = await gone.take("refresh/a", ttl: .seconds(2), wait: .zero)
        // Waiting moves this clock.
        let early = await next.take("refresh/a", ttl: .seconds(2), wait: .seconds(1))
        XCTAssertFalse(early)
        let late = await next.take("refresh/a", ttl: .seconds(2), wait: .seconds(3))
        XCTAssertTrue(late)
        clock.restart()
        let another = try FileLease(folder: folder.url, clock: clock)
        let afterRestart = await another.take("refresh/a", ttl: .seconds(25), wait: .zero)
        XCTAssertTrue(afterRestart)
    }
}

/// A clock that goes when somebody looks at it or sleeps.
final class Hand: DeviceClock, @unchecked Sendable {
    private let lock = NSLock()
    private var passed: Int64 = 0
    private var boot = 1

    private var looked = 0

    /// How often somebody has looked at it.
    var looks: Int { lock.withLock { looked } }
    func restart() { lock.withLock { boot += 1 } }
    func now() -> Moment {
        lock.withLock {
            looked += 1
            passed += 1
            return Moment(wallMs: 1_800_000_000_000 + passed, monotonicMs: passed, bootId: "\(boot)")
        }
    }
    func sleep(_ duration: Duration) async { lock.withLock { passed += duration.milliseconds } }
}

/// The system's activities, without a system.
final class AwakeLeaseTests: XCTestCase {
    private let folder = Folder()

    func testAProcessIsKeptAwakeForAsLongAsItHoldsTheLease() async throws {
        let (activities, clock) = (Activities(), Hand())
        let lease = AwakeLease(try FileLease(folder: folder.url, clock: clock)) { activities.begin($0) }
        let other = AwakeLease(try FileLease(folder: folder.url, clock: clock)) { activities.begin($0) }
        let taken = await lease.take("refresh/a", ttl: .seconds(25), wait: .zero)
        XCTAssertTrue(taken)
        let refused = await other.take("refresh/a", ttl: .seconds(25), wait: .milliseconds(60))
        XCTAssertFalse(refused)
        await other.give("refresh/a")
        XCTAssertEqual(activities.begun, 1)
        XCTAssertEqual(activities.ended, 0)
        await lease.give("refresh/a")
        activities.waitForEnd(1)
        // The system takes back what it has given, and the lease is given back as ever.
        let again = await other.take("refresh/a", ttl: .seconds(25), wait: .zero)
        XCTAssertTrue(again)
        activities.expire()
        activities.waitForEnd(2)
        await other.give("refresh/a")
        let free = await lease.take("refresh/a", ttl: .seconds(25), wait: .zero)
        XCTAssertTrue(free)
        await lease.give("refresh/a")
        activities.waitForEnd(3)
    }
}

/// Does as `ProcessInfo.performExpiringActivity` does: the process is awake for as long as the block runs, which is called
/// once more when that is over.
private final class Activities: @unchecked Sendable {
    private let changed = NSCondition()
    private var blocks: [@Sendable (Bool) -> Void] = []
    private var over = 0

    var begun: Int { changed.withLock { blocks.count } }
    var ended: Int { changed.withLock { over } }

    func begin(_ block: @escaping @Sendable (Bool) -> Void) {
        changed.withLock { blocks.append(block) }
        Thread.detachNewThread { [self] in
            block(false)
            changed.withLock {
                over += 1
                changed.broadcast()
            }
        }
    }

    func expire() { changed.withLock { blocks.last }?(true) }

    func waitForEnd(_ count: Int) {
        changed.withLock { while over < count { changed.wait() } }
    }
}

/// The keychain's logic, without a keychain.
final class KeychainStoreTests: XCTestCase {
    private let folder = Folder()
    private let items = FakeItems()

    private var marker: URL { folder.url.appendingPathComponent("marker") }
    private func install() -> KeychainInstall { KeychainInstall(items: items, service: "s", marker: marker) }
    private func store() -> KeychainStore { KeychainStore(install()) }

    fileprivate func expectLocked(_ work: () async throws -> some Any) async {
        do {
            let found = try await work()
            XCTFail("\(found)")
        } catch {
            XCTAssertEqual(error as? HookError, .locked)
        }
    }

    func testOfAllWhoWriteOneWins() async throws {
        guard case .stored(let first) = try await store().put("account/a", Data("0".utf8), expect: 0) else {
            return XCTFail("there was none")
        }
        let again = try await store().put("account/a", Data("1".utf8), expect: 0)
        XCTAssertEqual(again, .conflict)
        guard case .stored(let second) = try await store().put("account/a", Data("2".utf8), expect: first) else {
            return XCTFail("it was the version")
        }
        let late = try await store().put("account/a", Data("3".utf8), expect: first)
        XCTAssertEqual(late, .conflict)
        let found = try await store().get("account/a")
        XCTAssertEqual(found, Versioned(value: Data("2".utf8), version: second))
        let kept = try await store().delete("account/a", expect: first)
        XCTAssertFalse(kept)
        let names = try await store().keys(prefix: "account/")
        XCTAssertEqual(names, ["account/a"])
        let gone = try await store().delete("account/a", expect: second)
        XCTAssertTrue(gone)
        let goneAgain = try await store().delete("account/a", expect: nil)
        XCTAssertTrue(goneAgain)
    }

    func testAKeychainThatSaysNothingIsThereBeforeTheFirstUnlockIsLocked() async throws {
        _ = try await store().put("account/a", Data("0".utf8), expect: 0)
        // Some systems say so, some say that there is nothing.
        for status in [KeychainStatus.locked, .notFound] {
            items.say(status)
            await expectLocked { try await self.store().get("account/a") as Any }
            await expectLocked { try await self.store().keys(prefix: "account/") }
            await expectLocked { try await self.store().put("account/b", Data(), expect: 0) }
        }
        items.say(nil)
        let found = try await store().get("account/a")
        XCTAssertNotNil(found)
    }

    func testAKeychainThatWasEmptiedIsNotLockedForEver() async throws {
        _ = try await store().put("account/a", Data("0".utf8), expect: 0)
        items.clear()
        let found = try await store().get("account/a")
        XCTAssertNil(found)
        _ = try await store().put("account/a", Data("1".utf8), expect: 0)
        let kept = try await store().get("account/a")
        XCTAssertEqual(kept?.value, Data("1".utf8))
    }

    func testWhatADeletedAppLeftBehindGoesWhenItComesBack() async throws {
        _ = try await store().put("account/a", Data("0".utf8), expect: 0)
        let keys = try install().service(.keys)
        _ = items.add(KeychainItem(service: keys, account: "key/a", value: Data(), version: Data()))
        _ = items.add(KeychainItem(service: "another app's", account: "key/a", value: Data(), version: Data()))
        try FileManager.default.removeItem(at: marker)
        let found = try await store().get("account/a")
        XCTAssertNil(found)
        XCTAssertEqual(items.count(keys), 0)
        // Its place in the list, and what is nobody's here.
        XCTAssertEqual(items.services, ["another app's", "s"])
        XCTAssertEqual(items.count("s"), 1)
        _ = try await store().put("account/a", Data("1".utf8), expect: 0)
        let kept = try await store().get("account/a")
        XCTAssertEqual(kept?.value, Data("1".utf8))
    }
}

extension KeychainStoreTests {
    /// The first start of an extension, which the system suspends before any of its calls, and the app that starts and signs
    /// in meanwhile, beside what an installation before has left.
    func testAFirstStartThatIsSuspendedTakesNothingOfWhatWasWrittenMeanwhile() async throws {
        for left in [false, true] {
            for call in 1... {
                let (folder, items) = (Folder(), FakeItems())
                let install = KeychainInstall(
                    items: items, service: "s", marker: folder.url.appendingPathComponent("marker"))
                let app = KeychainStore(install)
                if left {
                    _ = try await app.put("account/left", Data("0".utf8), expect: 0)
                    try FileManager.default.removeItem(at: install.marker)
                }
                let suspended = Suspended(items: items, before: call) {
                    let keys = try install.service(.keys)
                    _ = items.add(KeychainItem(service: keys, account: "key/a", value: Data(), version: Data()))
                    let kept = try install.find(.records, "account/a")
                    XCTAssertNil(kept)
                    let records = try install.service(.records)
                    _ = items.add(
                        KeychainItem(service: records, account: "account/a", value: Data("1".utf8), version: KeychainStore.data(1)))
                }
                let other = KeychainStore(
                    KeychainInstall(items: suspended, service: "s", marker: install.marker))
                let names = try await other.keys(prefix: "account/")
                guard suspended.wasSuspended else { return XCTAssertGreaterThan(call, 3) }
                XCTAssertEqual(names, ["account/a"], "\(call)")
                XCTAssertNotNil(try install.find(.keys, "key/a"))
                let found = try await app.get("account/a")
                XCTAssertEqual(found?.value, Data("1".utf8))
            }
        }
    }

    func testOfAllWhoNameAnInstallationOneDoes() async throws {
        let install = install()
        let names = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try install.service(.records) } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        XCTAssertEqual(names.count, 1)
        XCTAssertEqual(items.count("s"), 1)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.url.path), ["marker"])
    }

    /// A key that is not found ends a session: the keychain has to be readable before and after it has said so.
    func testAKeyIsNotLostWhereTheKeychainIsLocked() async throws {
        let keys = try install().service(.keys)
        _ = items.add(KeychainItem(service: keys, account: "key/a", value: Data([1]), version: Data()))
        for status in [KeychainStatus.locked, .notFound] {
            items.say(status)
            await expectLocked { try self.install().find(.keys, "key/a") as Any }
        }
        items.say(nil)
        XCTAssertEqual(try install().find(.keys, "key/a")?.value, Data([1]))
        XCTAssertNil(try install().find(.keys, "key/b"))
        // Locked between the calls, whichever it is.
        for call in 1...4 {
            let (items, marker) = (items, marker)
            let locking = Suspended(items: items, before: call) { items.say(.notFound) }
            await expectLocked { try KeychainInstall(items: locking, service: "s", marker: marker).find(.keys, "key/b") as Any }
            items.say(nil)
        }
    }

    func testAMarkerThatCannotBeReadIsNoNewInstallation() async throws {
        _ = try await store().put("account/a", Data("0".utf8), expect: 0)
        let name = try Data(contentsOf: marker)
        for spoilt in [Data(), Data("x".utf8), name.dropLast()] {
            try spoilt.write(to: marker)
            do {
                _ = try await store().get("account/a")
                XCTFail("\(spoilt.count)")
            } catch {
                XCTAssertEqual(error as? HookError, .io)
            }
        }
        try name.write(to: marker)
        let found = try await store().get("account/a")
        XCTAssertNotNil(found)
    }

    func testAnAppsOwnAccessGroupIsKnownByAnyThatItHas() {
        XCTAssertEqual(ownAccessGroup(of: "com.example.notes", seen: "TEAM123456.com.example.shared"), "TEAM123456.com.example.notes")
        XCTAssertEqual(ownAccessGroup(of: "com.example.notes", seen: "TEAM123456.com.example.notes"), "TEAM123456.com.example.notes")
        for other in ["group.com.example.notes", "test", "TEAM123456", "", "com.apple.token"] {
            XCTAssertNil(ownAccessGroup(of: "com.example.notes", seen: other), other)
        }
    }
}

/// A process that is suspended before one of its calls, while others go on.
private final class Suspended: KeychainItems, @unchecked Sendable {
    private let items: FakeItems
    private let before: Int
    private let meanwhile: () throws -> Void
    private let lock = NSLock()
    private var calls = 0

    init(items: FakeItems, before: Int, meanwhile: @escaping () throws -> Void) {
        self.items = items
        self.before = before
        self.meanwhile = meanwhile
    }

    var wasSuspended: Bool { lock.withLock { calls >= before } }

    private func call() -> FakeItems {
        let isDue = lock.withLock {
            calls += 1
            return calls == before
        }
        if isDue { XCTAssertNoThrow(try meanwhile()) }
        return items
    }

    func add(_ item: KeychainItem) -> KeychainStatus { call().add(item) }
    func find(_ service: String, account: String) -> Result<KeychainItem, KeychainStatus> {
        call().find(service, account: account)
    }
    func accounts(_ service: String) -> Result<[String], KeychainStatus> { call().accounts(service) }
    func update(_ service: String, account: String, version: Data, to item: KeychainItem) -> KeychainStatus {
        call().update(service, account: account, version: version, to: item)
    }
    func delete(_ service: String, account: String?, version: Data?) -> KeychainStatus {
        call().delete(service, account: account, version: version)
    }
}

final class FakeItems: KeychainItems, @unchecked Sendable {
    private let lock = NSLock()
    private var items: [KeychainItem] = []
    private var said: KeychainStatus?

    func say(_ status: KeychainStatus?) { lock.withLock { said = status } }
    func clear() { lock.withLock { items = [] } }
    var services: Set<String> { lock.withLock { Set(items.map(\.service)) } }
    func count(_ service: String) -> Int { lock.withLock { items.filter { $0.service == service }.count } }

    private func place(_ service: String, _ account: String) -> Int? {
        items.firstIndex { $0.service == service && $0.account == account }
    }

    func add(_ item: KeychainItem) -> KeychainStatus {
        lock.withLock {
            if let said { return said }
            if place(item.service, item.account) != nil { return .duplicate }
            items.append(item)
            return .success
        }
    }

    func find(_ service: String, account: String) -> Result<KeychainItem, KeychainStatus> {
        lock.withLock {
            if let said { return .failure(said) }
            return place(service, account).map { .success(items[$0]) } ?? .failure(.notFound)
        }
    }

    func accounts(_ service: String) -> Result<[String], KeychainStatus> {
        lock.withLock {
            if let said { return .failure(said) }
            let names = items.filter { $0.service == service }.map(\.account)
            return names.isEmpty ? .failure(.notFound) : .success(names)
        }
    }

    func update(_ service: String, account: String, version: Data, to item: KeychainItem) -> KeychainStatus {
        lock.withLock {
            if let said { return said }
            guard let at = place(service, account), items[at].version == version else { return .notFound }
            items[at] = item
            return .success
        }
    }

    func delete(_ service: String, account: String?, version: Data?) -> KeychainStatus {
        lock.withLock {
            if let said { return said }
            let before = items.count
            items.removeAll {
                $0.service == service && (account == nil || $0.account == account)
                    && (version == nil || $0.version == version)
            }
            return items.count == before ? .notFound : .success
        }
    }
}
