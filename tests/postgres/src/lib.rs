//! A Postgres of the tests' own. It is started from the programs of this machine, listens on loopback alone, and ends
//! with the process that started it, in whatever way that ends.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Makes a database and runs a server on it, told line by line on standard input to `start` or `stop`; answers each with
/// a byte. When nobody holds the other end of the pipe any more, it stops the server and removes the files.
const KEEPER: &str = r#"
    set -e
    directory=$(mktemp -d)
    trap 'rm -rf "$directory"' EXIT
    "$1/initdb" -D "$directory/data" -A trust -U postgres -E UTF8 --no-sync >/dev/null
    server=
    while read -r order; do
        case $order in
        start)
            "$1/postgres" -D "$directory/data" -k "$directory" -h 127.0.0.1 -p "$2" -c fsync="$3" \
                -c max_connections=400 >/dev/null 2>&1 </dev/null &
            server=$!
            ;;
        stop)
            kill -QUIT $server
            wait $server || true
            server=
            ;;
        esac
        printf .
    done
    if [ -n "$server" ]; then
        kill -INT $server
        wait $server || true
    fi
"#;

/// A running server. Dropped, it ends, and its files are removed.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    port: u16,
    keeper: Child,
    orders: ChildStdin,
    answers: ChildStdout,
}

impl Server {
    /// Starts a server that forgets what it has when the machine's power fails, and is the faster for it.
    pub fn start() -> io::Result<Self> {
        Self::begin("off")
    }

    /// Starts a server that waits for the disk with each commit, as one in production does.
    pub fn start_durable() -> io::Result<Self> {
        Self::begin("on")
    }

    fn begin(fsync: &str) -> io::Result<Self> {
        let programs = programs().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "no program initdb; apt-get install postgresql")
        })?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        // Postgres refuses to work for root.
        let root = Command::new("id").arg("-u").output()?.stdout == b"0\n";
        let mut command = Command::new(if root { "runuser" } else { "sh" });
        if root {
            command.args(["-u", "postgres", "--", "sh"]);
        }
        command.args(["-c", KEEPER, "sh"]).arg(&programs).arg(port.to_string()).arg(fsync).current_dir("/");
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(orders), Some(answers)) = (keeper.stdin.take(), keeper.stdout.take()) else {
            return Err(io::Error::other("no pipe"));
        };
        let mut server = Self { programs, port, keeper, orders, answers };
        server.start_again()?;
        Ok(server)
    }

    /// `postgres://…`, of the database that is there from the beginning.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The process whose descendants are the server.
    pub fn pid(&self) -> u32 {
        self.keeper.id()
    }

    /// The URL of a schema of this name, which is made.
    pub fn schema(&self, name: &str) -> io::Result<String> {
        let made = Command::new(self.programs.join("psql"))
            .args(["-q", "-X", "-d", &self.url(), "-c", &format!("CREATE SCHEMA {name}")])
            .status()?;
        if !made.success() {
            return Err(io::Error::other("the schema was not made"));
        }
        Ok(format!("{}?options=-c%20search_path%3D{name}", self.url()))
    }

    /// Ends the server as a crash does: connections break, nothing is tidied up. Its data stays.
    pub fn stop(&mut self) -> io::Result<()> {
        self.order("stop")
    }

    /// Starts it on its data again, on its old port, and waits until it answers.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.order("start")?;
        let begun = Instant::now();
        while !self.is_ready()? {
            if self.keeper.try_wait()?.is_some() || begun.elapsed() > Duration::from_mins(1) {
                return Err(io::Error::other("Postgres did not become ready"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn is_ready(&self) -> io::Result<bool> {
        let port = self.port.to_string();
        let arguments = ["-q", "-h", "127.0.0.1", "-p", &port];
        Ok(Command::new(self.programs.join("pg_isready")).args(arguments).status()?.success())
    }

    fn order(&mut self, order: &str) -> io::Result<()> {
        writeln!(self.orders, "{order}")?;
        self.orders.flush()?;
        self.answers.read_exact(&mut [0])
    }
}

/// The newest installed version's folder of programs; nothing where there is none.
pub fn programs() -> Option<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        version.and_then(|version| version.parse::<u32>().ok())
    });
    found.pop().or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|directory| directory.join("initdb").exists())
    })
}
