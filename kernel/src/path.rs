pub struct Path;
impl Path {
    pub fn parse(_text: &str) -> Result<Self, String> {
        Ok(Self)
    }
}
