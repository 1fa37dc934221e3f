//! The program: it hands the command line and the process's surroundings to `postern::cli`.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use postern::cli;

/// Gives memory back: a password hash takes 19 MiB for a moment, which the system's allocator would keep for ever.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let started = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let code = match started {
        Ok(runtime) => {
            let code = runtime.block_on(cli::run(
                std::env::args_os(),
                cli::World::of_this_process(),
                &mut std::io::stderr(),
            ));
            // A password that is still being hashed, or a prompt that nobody answered, holds nobody up.
            runtime.shutdown_background();
            code
        }
        Err(error) => cli::failed_to_start(&error, &mut std::io::stderr()),
    };
    ExitCode::from(code)
}
