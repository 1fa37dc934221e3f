import Foundation

/// The keychain as far as it is used here: so what is asked of it is tested where there is none. `SecItems` is Apple's.
protocol KeychainItems: Sendable {
    func add(_ item: KeychainItem) -> KeychainStatus
    /// The items of a service: the one of an account, or all without their values.
    func find(_ service: String, account: String) -> Result<KeychainItem, KeychainStatus>
    func accounts(_ service: String) -> Result<[String], KeychainStatus>
    /// Changes an item, if it has this version still: one call, so nobody comes in between.
    func update(_ service: String, account: String, version: Data, to item: KeychainItem) -> KeychainStatus
    /// `nil` is every account, or every version.
    func delete(_ service: String, account: String?, version: Data?) -> KeychainStatus
}

struct KeychainItem: Sendable, Equatable {
    var service: String
    var account: String
    var value: Data
    /// Kept where it can be searched for.
    var version: Data
}

/// The access group that is an app's alone, of a group that it may write to: both begin with the team. `nil` where that does
/// not.
func ownAccessGroup(of bundle: String, seen group: String) -> String? {
    let team = group.prefix { $0 != "." }
    let isTeam = team.count == 10 && team.allSatisfy { ("A"..."Z").contains($0) || ("0"..."9").contains($0) }
    return isTeam && team.endIndex != group.endIndex ? team + "." + bundle : nil
}

enum KeychainStatus: Error, Equatable, Sendable {
    case success, duplicate, notFound
    /// Before the first unlock after a restart.
    case locked
    case other(Int32)

    var hookError: HookError { self == .locked ? .locked : .io }
}
