//! The program `switchboard`; everything is in the library, where tests reach it.

fn main() -> std::process::ExitCode {
    switchboard_cli::commands::main()
}
