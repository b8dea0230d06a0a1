//! The error page of a proxy in front of the provider.

use crate::script::Script;

pub(super) fn apply(status: u16) -> Script {
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
         <hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
    );
    Script::whole(status, "text/html", page)
}
