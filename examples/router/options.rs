//! What the command line asks for.

/// What `--help` prints.
pub(crate) const HELP: &str = "\
A WAMP router.

Usage: router --config FILE [--check]
       router --scram-credential

  -c, --config FILE       the configuration; on SIGHUP it is read again
      --check             only say what is wrong with the configuration
      --scram-credential  read a password from the standard input and print what the
                          configuration has as the user's `scram`
  -h, --help              print this
  -V, --version           print the version

RUST_LOG says what is logged, to the standard error: `info` (the default), `debug`,
`serverwamp=debug,warn` …

Exit status: 0 when it was told to stop (SIGTERM, SIGINT), 1 if it cannot do what it
is asked to, 2 if it does not understand the command line.";

/// The command line.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) run: Run,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Run {
    Help,
    Version,
    Check(String),
    Serve(String),
    ScramCredential,
}

impl Options {
    /// Reads the arguments behind the program's name.
    pub(crate) fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let (mut config, mut check, mut credential) = (None, false, false);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "-h" | "--help" => return Ok(Options { run: Run::Help }),
                "-V" | "--version" => return Ok(Options { run: Run::Version }),
                "--check" => check = true,
                "--scram-credential" => credential = true,
                "-c" | "--config" => config = Some(arguments.next().ok_or(format!("{argument} takes a file"))?),
                other => match other.strip_prefix("--config=") {
                    Some(file) => config = Some(file.to_owned()),
                    None => return Err(format!("unexpected argument `{other}`")),
                },
            }
        }
        let run = match (config, check, credential) {
            (None, false, true) => Run::ScramCredential,
            (Some(file), true, false) => Run::Check(file),
            (Some(file), false, false) => Run::Serve(file),
            (None, _, false) => return Err("which configuration? --config names it".to_owned()),
            (_, _, true) => return Err("--scram-credential goes alone".to_owned()),
        };
        Ok(Options { run })
    }
}
