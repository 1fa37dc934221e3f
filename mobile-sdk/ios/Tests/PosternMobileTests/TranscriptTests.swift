import PosternMobileFFI
import XCTest

@testable import PosternMobile

/// The conversations that the Rust core has recorded, held again by this driver and the real core through the bindings.
final class TranscriptTests: XCTestCase {
    func testEveryConversationIsHeldAsItWasRecorded() async throws {
        let names = try Transcript.names()
        XCTAssertGreaterThan(names.count, 28)
        for name in names { try await hold(name) }
    }

    func testAnotherAnswerIsNoticed() async throws {
        let transcript = try Transcript("sign-in-to-logout.json")
        var steps = transcript.turns[0]["steps"].list
        steps.swapAt(1, 2)
        let script = Scripted(steps)
        let core = try Core(config: transcript.config)
        let operation = try XCTUnwrap(core.start(transcript.turns[0]["call"]))
        _ = await Driver(hooks: script.hooks).run(operation)
        XCTAssertFalse(script.differences.isEmpty)
    }

    private func hold(_ name: String) async throws {
        let transcript = try Transcript(name)
        var core = try Core(config: transcript.config)
        var process: Int64 = 1
        for (number, turn) in transcript.turns.enumerated() {
            let place = "\(name), turn \(number + 1)"
            if turn["process"].number != process {
                process = turn["process"].number
                core = try Core(config: transcript.config)
            }
            if turn["call"]["type"].text == "response_seen" {
                XCTAssertEqual(core.seen(turn["call"], Moment(turn["now"])), turn["verdict"], place)
                continue
            }
            let operation = try XCTUnwrap(core.start(turn["call"]), place)
            let steps = turn["steps"].list
            let script = Scripted(steps)
            let driver = Driver(hooks: script.hooks)
            let heard = driver.events.stream()
            let result = await driver.run(operation)
            XCTAssertEqual(script.differences, [], place)
            XCTAssertTrue(script.isOver, place)
            let last = try XCTUnwrap(steps.last, place)
            switch result {
            // Killed: what this core says after that is nobody's; the process that comes next has another one.
            case _ where last["effect"] != .null: break
            case .success(let outcome): XCTAssertEqual(outcome.json, last["done"], place)
            case .failure(let error): XCTAssertEqual(error.json, last["failed"], place)
            }
            var heardOf = heard.makeAsyncIterator()
            for event in steps.flatMap({ $0["events"].list }) {
                let next = await heardOf.next()
                XCTAssertEqual(next?.json, event, place)
            }
        }
    }
}
