//! Replays what cargo-fuzz has found worth keeping.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn replay(name: &str, target: fn(&[u8])) {
    let fuzz = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz"));
    let corpus = files(&fuzz.join("corpus").join(name));
    assert!(corpus.len() >= 10, "the corpus of {name} is missing");
    let regressions = fuzz.join("regressions").join(name);
    let regressions = if regressions.exists() { files(&regressions) } else { Vec::new() };
    for file in corpus.iter().chain(&regressions) {
        let octets = fs::read(file).unwrap();
        println!("{}", file.display());
        target(&octets);
    }
}

macro_rules! replayed {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name), super::$name);
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let targets = files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/fuzz_targets")));
            let targets: Vec<_> = targets.iter().map(|file| file.file_stem().unwrap().to_str().unwrap()).collect();
            assert_eq!(targets, [$(stringify!($name)),*]);
            for folder in ["corpus", "regressions"] {
                let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz")).join(folder);
                let strangers = files(&folder).into_iter().find(|file| {
                    !targets.contains(&file.file_name().unwrap().to_str().unwrap())
                });
                assert_eq!(strangers, None, "no target has this name");
            }
        }
    };
}

replayed! { batched codec_cbor codec_json codec_msgpack frames patterns rawsocket router session_client session_server slots }
