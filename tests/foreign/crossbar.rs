//! Crossbar, a router in Python, as a process.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::*;

/// How long Crossbar may take to start on a busy machine.
pub(super) const START_TIME: Duration = Duration::from_secs(300);

/// Crossbar at work.
pub(super) struct Crossbar {
    process: Child,
    folder: PathBuf,
}

/// Ports that nobody else has right now.
pub(super) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

/// An endpoint of Crossbar's.
pub(super) fn tcp(port: u16) -> Value {
    json!({"type": "tcp", "interface": "127.0.0.1", "port": port})
}

impl Crossbar {
    /// Starts Crossbar with one worker, in a folder of this name.
    pub(super) fn start(name: &str, worker: &Value) -> Crossbar {
        let folder = std::env::temp_dir().join(format!("serverwamp-crossbar-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for Crossbar");
        let config = json!({"version": 2, "workers": [worker]});
        std::fs::write(folder.join("config.json"), config.to_string()).expect("Crossbar's configuration");
        let process = Command::new(installed("crossbar").join("bin/crossbar"))
            .args(["start", "--cbdir"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(folder.join("log")).expect("a log"))
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Crossbar");
        Crossbar { process, folder }
    }

    /// Ends Crossbar, with the workers that it has started.
    pub(super) async fn stop(mut self) {
        let node = self.process.id().expect("a process that runs").to_string();
        let told = Command::new("kill").args(["-INT", &node]).status().await.expect("kill");
        assert!(told.success());
        timeout(START_TIME, self.process.wait()).await.expect("Crossbar ends in time").expect("its end");
        std::fs::remove_dir_all(&self.folder).expect("Crossbar's folder");
    }
}
