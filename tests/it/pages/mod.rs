//! What every page and every answer has: headers, templates, assets; and the listener itself.

mod assets;
mod headers;
mod listener;
mod templates;
