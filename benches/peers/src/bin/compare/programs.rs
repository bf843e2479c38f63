//! The programs that are measured and those that measure. They are built before anything runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::child::is_installed;
use crate::groups::Program;

pub(crate) struct Programs {
    pub(crate) target: PathBuf,
    pub(crate) go: bool,
    pub(crate) wrk: bool,
    pub(crate) nginx: bool,
}

/// This crate's folder when the program was built.
pub(crate) const HERE: &str = env!("CARGO_MANIFEST_DIR");

impl Programs {
    /// Builds this crate's binaries into this program's target folder, and the Go programs beside them.
    pub(crate) fn build() -> Result<Programs> {
        let this = std::env::current_exe()?;
        let target = this.ancestors().nth(2).ok_or("this program is in no target folder")?;
        // Set by `cargo run`.
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--release", "--locked", "--bins", "--quiet", "--manifest-path"]);
        command.arg(Path::new(HERE).join("Cargo.toml")).arg("--target-dir").arg(target);
        run(command)?;
        let go = is_installed("go");
        if go {
            let folder = target.join("go");
            std::fs::create_dir_all(&folder)?;
            let mut command = Command::new("go");
            command.current_dir(Path::new(HERE).join("go")).args(["build", "-o"]);
            run({
                command.arg(folder).arg("./...");
                command
            })?;
        }
        let (wrk, nginx) = (is_installed("wrk"), is_installed("nginx"));
        Ok(Programs { target: target.to_owned(), go, wrk, nginx })
    }

    /// Returns the command of a program.
    pub(crate) fn command(&self, program: Program) -> Command {
        match program {
            Program::Ours(name, args) => {
                let mut command = Command::new(self.target.join("release").join(name));
                command.args(args);
                command
            }
            Program::Go(name) => Command::new(self.target.join("go").join(name)),
        }
    }
}

fn run(mut command: Command) -> Result<()> {
    eprintln!("building: {}", command.get_program().display());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{}: {status}", command.get_program().display()).into()),
        Err(error) => Err(format!("{}: {error}", command.get_program().display()).into()),
    }
}
