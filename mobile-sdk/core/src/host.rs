//! The host, as operations see it: each method is one effect, and what does not fit is the hook's mistake.

use std::sync::{Arc, MutexGuard};

use crate::{
    clock::Moment,
    config::Config,
    effect::{
        Effect, Evidence, Header, HookError, HttpFailure, HttpRequest, HttpResponse, Input, KeyInfo,
        KeyPolicy,
    },
    error::{ErrorCode, SdkError},
    event::Event,
    headers,
    link::Link,
    memory::{Memory, Shared},
    secret::Secret,
    url,
};

pub(crate) type Result<T> = std::result::Result<T, SdkError>;

/// A record and its version.
pub(crate) struct Versioned {
    pub(crate) value: Secret,
    pub(crate) version: i64,
}

/// Another version was there.
pub(crate) struct Conflict;

pub(crate) struct Host {
    shared: Arc<Shared>,
    link: Link,
}

impl Host {
    pub(crate) fn new(shared: Arc<Shared>, link: Link) -> Self {
        Self { shared, link }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.memory()
    }

    pub(crate) fn now(&self) -> Moment {
        self.link.now()
    }

    pub(crate) fn server_now(&self) -> i64 {
        self.memory().server_now(&self.now())
    }

    pub(crate) fn tell(&self, event: Event) {
        self.link.tell(event);
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Option<Versioned>> {
        let key = key.to_owned();
        match self.link.ask(Effect::Get { key }).await {
            Input::Value { value, version } if version != 0 => Ok(Some(Versioned { value, version })),
            Input::Absent => Ok(None),
            Input::Failed {
                error: HookError::Corrupt,
            } => Err(ErrorCode::StorageCorrupt.into()),
            other => Err(misbehaved(&other)),
        }
    }

    /// The same of a record without which one can do: one that cannot be read and never will be is deleted, or it would be
    /// in the way for ever.
    pub(crate) async fn get_or_drop(&self, key: &str) -> Result<Option<Versioned>> {
        match self.get(key).await {
            Err(error) if error.code == ErrorCode::StorageCorrupt => {
                let _any = self.delete(key, None).await?;
                Ok(None)
            }
            found => found,
        }
    }

    pub(crate) async fn put(
        &self,
        key: &str,
        value: Secret,
        expect: i64,
    ) -> Result<std::result::Result<i64, Conflict>> {
        let key = key.to_owned();
        match self.link.ask(Effect::Put { key, value, expect }).await {
            Input::Stored { version } if version != 0 => Ok(Ok(version)),
            Input::Conflict => Ok(Err(Conflict)),
            other => Err(misbehaved(&other)),
        }
    }

    pub(crate) async fn delete(
        &self,
        key: &str,
        expect: Option<i64>,
    ) -> Result<std::result::Result<(), Conflict>> {
        let key = key.to_owned();
        match self.link.ask(Effect::Delete { key, expect }).await {
            Input::Done => Ok(Ok(())),
            Input::Conflict => Ok(Err(Conflict)),
            other => Err(misbehaved(&other)),
        }
    }

    /// Names of records, sorted.
    pub(crate) async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let prefix = prefix.to_owned();
        match self
            .link
            .ask(Effect::Keys {
                prefix: prefix.clone(),
            })
            .await
        {
            Input::Keys { mut keys } => {
                keys.retain(|key| key.starts_with(&prefix));
                keys.sort();
                Ok(keys)
            }
            other => Err(misbehaved(&other)),
        }
    }

    /// A lease; whether it was got makes no difference to what is right.
    pub(crate) async fn lock(&self, name: &str) -> bool {
        let effect = Effect::Lock {
            name: name.to_owned(),
            ttl_ms: 25_000,
            wait_ms: 10_000,
        };
        self.link.ask(effect).await == Input::LockHeld
    }

    pub(crate) async fn unlock(&self, name: &str) {
        self.link
            .ask(Effect::Unlock {
                name: name.to_owned(),
            })
            .await;
    }

    pub(crate) async fn ensure_key(&self, key: &str) -> Result<KeyInfo> {
        let policy = if self.config().require_hardware_key {
            KeyPolicy::RequireHardware
        } else {
            KeyPolicy::PreferHardware
        };
        let key = key.to_owned();
        match self.link.ask(Effect::KeyEnsure { key, policy }).await {
            Input::Key { key } if key.x.len() == 32 && key.y.len() == 32 => Ok(key),
            // There is no hardware, and there will be none tomorrow.
            Input::Failed {
                error: HookError::Unavailable,
            } if policy == KeyPolicy::RequireHardware => Err(ErrorCode::DeviceNotTrusted.into()),
            other => Err(misbehaved(&other)),
        }
    }

    pub(crate) async fn sign(&self, key: &str, message: Vec<u8>) -> Result<Vec<u8>> {
        let key = key.to_owned();
        match self.link.ask(Effect::Sign { key, message }).await {
            Input::Signature { signature } => Ok(signature),
            Input::Failed {
                error: HookError::NotFound | HookError::KeyLost,
            } => Err(ErrorCode::KeyLost.into()),
            other => Err(misbehaved(&other)),
        }
    }

    /// A key that cannot be deleted now signs nothing that anybody believes: its session is over.
    pub(crate) async fn delete_key(&self, key: &str) {
        self.link.ask(Effect::KeyDelete { key: key.to_owned() }).await;
    }

    pub(crate) async fn attest(&self, challenge: Vec<u8>, jkt: &str) -> Result<Evidence> {
        let jkt = jkt.to_owned();
        match self.link.ask(Effect::Attest { challenge, jkt }).await {
            Input::Attested { evidence } => Ok(evidence),
            Input::Failed {
                error: HookError::Unavailable,
            } => Err(ErrorCode::AttestationUnavailable.into()),
            // What attests asks a service of its maker's.
            Input::Failed { error: HookError::Io } => Err(ErrorCode::Offline.into()),
            other => Err(misbehaved(&other)),
        }
    }

    pub(crate) async fn random(&self, len: u32) -> Result<Secret> {
        match self.link.ask(Effect::Random { len }).await {
            Input::Random { bytes } if u32::try_from(bytes.bytes().len()) == Ok(len) => Ok(bytes),
            other => Err(misbehaved(&other)),
        }
    }

    /// 256 random bits as text.
    pub(crate) async fn random_text(&self) -> Result<String> {
        Ok(crate::base64::encode(self.random(32).await?.bytes()))
    }

    /// Waits. A host that cannot is asked for nothing more, or the server would be asked without a pause.
    pub(crate) async fn sleep(&self, ms: u64) -> Result<()> {
        match self.link.ask(Effect::Sleep { ms }).await {
            Input::Done => Ok(()),
            other => Err(misbehaved(&other)),
        }
    }

    /// Sends a request, and keeps what every answer tells: the time, and the nonce for the next proof.
    pub(crate) async fn send(
        &self,
        request: HttpRequest,
    ) -> Result<std::result::Result<HttpResponse, HttpFailure>> {
        let origin = url::origin(&request.url);
        let sent = self.now();
        match self.link.ask(Effect::Http { request }).await {
            Input::Http { response } => {
                self.heard(&response.headers, &sent);
                if let (Some(origin), Some(nonce)) = (origin, headers::nonce(&response.headers)) {
                    self.memory().keep_nonce(origin, nonce);
                }
                Ok(Ok(response))
            }
            Input::HttpFailed { failure } => Ok(Err(failure)),
            // Nobody knows whether it was sent.
            Input::Failed {
                error: HookError::Timeout | HookError::Io | HookError::Unavailable | HookError::Unknown,
            } => Ok(Err(HttpFailure::Ambiguous)),
            other => Err(misbehaved(&other)),
        }
    }

    fn heard(&self, headers: &[Header], sent: &Moment) {
        let (known, offset_ms) = {
            let mut memory = self.memory();
            let known = memory.offset();
            memory.hear(headers, sent, &self.now());
            (known, memory.offset())
        };
        if offset_ms.abs_diff(0) > 30_000 && offset_ms.abs_diff(known) > 30_000 {
            self.tell(Event::ClockSkewDetected { offset_ms });
        }
    }
}

/// What a hook's answer means that is not the expected one. A lost key and a spoilt record are what only some effects can
/// tell of; of another they are garbage, and end no session.
fn misbehaved(input: &Input) -> SdkError {
    let Input::Failed { error } = input else {
        return ErrorCode::HookMisbehaved.into();
    };
    let code = match error {
        HookError::Locked => ErrorCode::DeviceLocked,
        HookError::Cancelled => ErrorCode::UserCancelled,
        HookError::Io | HookError::Unavailable => ErrorCode::StorageUnavailable,
        HookError::Timeout => ErrorCode::HookTimeout,
        HookError::KeyLost | HookError::Corrupt | HookError::NotFound | HookError::Unknown => {
            ErrorCode::HookMisbehaved
        }
    };
    code.into()
}
