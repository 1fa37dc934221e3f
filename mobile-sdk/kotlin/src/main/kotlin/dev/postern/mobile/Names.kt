package dev.postern.mobile

/** What the app does about an error. */
public typealias Action = dev.postern.mobile.ffi.Action

/** What went wrong; `docs/ERRORS.md` has the list. */
public typealias ErrorCode = dev.postern.mobile.ffi.ErrorCode

/** Why a session is over. */
public typealias EndReason = dev.postern.mobile.ffi.EndReason

/** How to sign out. */
public typealias LogoutMode = dev.postern.mobile.ffi.LogoutMode

/** Whether tokens are bound to a key (RFC 9449). */
public typealias DpopPolicy = dev.postern.mobile.ffi.DpopPolicy

/** Whether requests are pushed (RFC 9126). */
public typealias ParPolicy = dev.postern.mobile.ffi.ParPolicy

/** What happens when there is no evidence that the app is itself. */
public typealias AttestationPolicy = dev.postern.mobile.ffi.AttestationPolicy

/** What to do with an API's answer. */
public typealias Verdict = dev.postern.mobile.ffi.Verdict

/** A request to be sent as it is. `value`s and `body` are bytes, so that no log shows them. */
public typealias HttpRequest = dev.postern.mobile.ffi.HttpRequest

/** An answer, whatever its status. */
public typealias HttpResponse = dev.postern.mobile.ffi.HttpResponse

/** A header line. */
public typealias Header = dev.postern.mobile.ffi.Header

/** Why a hook could not. */
public typealias HookError = dev.postern.mobile.ffi.HookError

/** The public half of a key: coordinates of 32 bytes each, and where it lives. */
public typealias KeyInfo = dev.postern.mobile.ffi.KeyInfo

/** Where a key lives. */
public typealias KeyLevel = dev.postern.mobile.ffi.KeyLevel

/** Where a key has to live. */
public typealias KeyPolicy = dev.postern.mobile.ffi.KeyPolicy

/** Evidence of an attestor. */
public typealias Evidence = dev.postern.mobile.ffi.Evidence

/** What the clocks say. */
public typealias Moment = dev.postern.mobile.ffi.Moment

/** Tokens that another SDK has kept. */
public typealias StoredTokens = dev.postern.mobile.ffi.StoredTokens

/** What an app of the same maker has shared. */
public typealias NativeSso = dev.postern.mobile.ffi.NativeSso

/** RFC 8693. */
public typealias ExchangeParams = dev.postern.mobile.ffi.ExchangeParams
