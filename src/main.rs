//! Parses the command line and runs it.

#![recursion_limit = "256"]

use clap::Parser;
use thrive::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match thrive::cli::run(Cli::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("thrive: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
