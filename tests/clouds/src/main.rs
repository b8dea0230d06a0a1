//! Starts the clouds for another program: prints their address, and ends when its standard input does.

use std::io::Read as _;

fn main() -> std::io::Result<()> {
    let clouds = fake_clouds::Clouds::start("127.0.0.1:0");
    println!("{}", clouds.address());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
