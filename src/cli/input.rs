//! Passwords from standard input, or asked for without showing what is typed.

use std::{
    fmt,
    io::{self, Read},
};

use anyhow::{Context, bail};

use crate::{
    base::text::Email,
    cli::failure::Usage,
    domain::password::{MAX_BYTES, Password},
};

/// Standard input, or what a test types.
pub struct Input {
    from: Box<dyn Read + Send>,
    is_terminal: bool,
}

impl Input {
    /// Reads from `from`; `is_terminal` says that a person sits there.
    pub fn new(from: impl Read + Send + 'static, is_terminal: bool) -> Self {
        Self {
            from: Box::new(from),
            is_terminal,
        }
    }

    /// A new password for the person with this address: all of standard input, or asked for twice.
    pub(super) fn new_password(&mut self, from_stdin: bool, email: &Email) -> anyhow::Result<Password> {
        let text = if from_stdin {
            self.read_all()?
        } else if self.is_terminal {
            ask_twice(email)?
        } else {
            let text = "there is no terminal to ask for the password: give it on standard input and add --password-stdin";
            return Err(Usage(text.to_owned()).into());
        };
        Ok(Password::chosen(text, email)?)
    }

    fn read_all(&mut self) -> anyhow::Result<String> {
        // A little more than the longest password, so that what is too long is seen to be.
        let most = u64::try_from(MAX_BYTES + 3).unwrap_or(u64::MAX);
        let mut text = String::new();
        let read = self.from.by_ref().take(most).read_to_string(&mut text);
        read.context("the password on standard input cannot be read as UTF-8 text")?;
        // What `echo` and editors put at the end; a password itself may end in a space.
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            bail!(
                "standard input is empty: write the password there, as in `postern ... --password-stdin < FILE`"
            );
        }
        Ok(text.to_owned())
    }
}

fn ask_twice(email: &Email) -> anyhow::Result<String> {
    let ask = |prompt: String| rpassword::prompt_password(prompt).map_err(no_terminal);
    let first = ask(format!("New password for {email}: "))?;
    let second = ask("The same once more: ".to_owned())?;
    if first != second {
        bail!("the two passwords are not the same: nothing was changed, run the command again");
    }
    Ok(first)
}

fn no_terminal(error: io::Error) -> anyhow::Error {
    let text =
        "the terminal cannot be asked for the password: give it on standard input and add --password-stdin";
    anyhow::Error::new(error).context(text)
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("is_terminal", &self.is_terminal)
            .finish_non_exhaustive()
    }
}
