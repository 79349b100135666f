pub fn check(_text: &str) -> Result<(), String> {
    Ok(())
}
