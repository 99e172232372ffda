use anyhow::{Result, bail};

use super::Bed;

impl Bed {
    /// The node that answers a client for an address which the client has not asked for before; none when none does.
    ///
    /// # Errors
    /// The answer comes from a host that is no node.
    pub fn answering(&self, ip: &str) -> Result<Option<String>> {
        let reply = self.lab.try_exec(
            "client",
            &["arping", "-q", "-c", "1", "-w", "1", "-I", "eth0", ip],
        )?;
        if !reply.status.success() {
            return Ok(None);
        }
        self.macs(ip, 1)?
            .into_iter()
            .next()
            .map(|mac| self.node_of(&mac))
            .transpose()
    }

    /// Every hardware address that answers `count` requests, each once.
    ///
    /// # Errors
    /// arping cannot be run.
    pub fn macs(&self, ip: &str, count: u8) -> Result<Vec<String>> {
        let count = count.to_string();
        let reply = self.lab.try_exec(
            "client",
            &["arping", "-b", "-c", &count, "-w", "3", "-I", "eth0", ip],
        )?;
        let mut macs: Vec<String> = Vec::new();
        for mac in reply
            .stdout
            .split('[')
            .skip(1)
            .filter_map(|rest| rest.split(']').next())
        {
            if !macs.iter().any(|seen| seen.eq_ignore_ascii_case(mac)) {
                macs.push(mac.to_owned());
            }
        }
        Ok(macs)
    }

    /// The node with this hardware address.
    ///
    /// # Errors
    /// No node has it.
    pub fn node_of(&self, mac: &str) -> Result<String> {
        match self.lab.host_with_mac(mac) {
            Some(host) if self.lab.nodes().iter().any(|node| node.name == host.name) => Ok(host.name),
            Some(host) => bail!("{mac} belongs to {}, which is no node", host.name),
            None => bail!("{mac} belongs to no host"),
        }
    }

    /// Waits until exactly one node answers for an address, and gives it.
    ///
    /// # Errors
    /// It does not come to that in time.
    pub fn holder(&self, ip: &str) -> Result<String> {
        self.wait(&format!("exactly one node to answer for {ip}"), || {
            match self.macs(ip, 3)?.as_slice() {
                [mac] => self.node_of(mac).map(Some),
                _ => Ok(None),
            }
        })
    }

    /// Waits until a client gets an answer over HTTP.
    ///
    /// # Errors
    /// It gets none in time.
    pub fn answer(&self, ip: &str) -> Result<String> {
        self.wait(&format!("an HTTP answer from {ip}"), || {
            Ok(self.lab.curl("client", &format!("http://{ip}/"), 1).ok())
        })
    }
}
