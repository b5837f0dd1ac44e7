//! Writes the seeds of all targets to `corpus/<target>/`, made by the testkit. Run in the folder `fuzz`.

fn main() -> std::io::Result<()> {
    for (target, seeds) in arachne_fuzz::seeds::all() {
        let folder = std::path::Path::new("corpus").join(target);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}
