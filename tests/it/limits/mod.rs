//! Whom a limit counts: by address, behind proxies or not, and by browser.

mod addresses;
