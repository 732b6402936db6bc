//! Where Microsoft's clouds are reached, and what a token is for.

use clavis_config::settings::{Cloud, Entra};
use reqwest::Url;

use super::Trouble;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Microsoft Graph.
    Graph,
    /// Exchange Online, for SMTP.
    Outlook,
}

/// The addresses of one cloud, or those that the settings give in their place.
pub(super) struct Endpoints {
    graph: String,
    login: String,
    cloud: Cloud,
}

impl Endpoints {
    /// Of these settings.
    pub(super) fn new(settings: &Entra) -> Self {
        let (graph, login) = match settings.cloud {
            Cloud::Global => ("graph.microsoft.com", "login.microsoftonline.com"),
            Cloud::UsGovernment => ("graph.microsoft.us", "login.microsoftonline.us"),
            Cloud::UsDod => ("dod-graph.microsoft.us", "login.microsoftonline.us"),
            Cloud::China => ("microsoftgraph.chinacloudapi.cn", "login.chinacloudapi.cn"),
        };
        let or = |given: &Option<String>, host: &str| {
            given.clone().unwrap_or_else(|| format!("https://{host}"))
        };
        Self {
            graph: or(&settings.graph_url, graph),
            login: or(&settings.login_url, login),
            cloud: settings.cloud,
        }
    }

    /// Graph, without a path.
    pub(super) fn graph(&self) -> Result<Url, Trouble> {
        parse(&self.graph)
    }

    /// Where a tenant gives out tokens.
    pub(super) fn token(&self, tenant: &str) -> Result<Url, Trouble> {
        parse(&format!("{}/{tenant}/oauth2/v2.0/token", self.login))
    }

    /// The service that a token is for. It is the cloud's own also where another address stands
    /// for it.
    pub(super) fn resource(&self, scope: Scope) -> &'static str {
        match (scope, self.cloud) {
            (Scope::Graph, Cloud::Global) => "https://graph.microsoft.com",
            (Scope::Graph, Cloud::UsGovernment) => "https://graph.microsoft.us",
            (Scope::Graph, Cloud::UsDod) => "https://dod-graph.microsoft.us",
            (Scope::Graph, Cloud::China) => "https://microsoftgraph.chinacloudapi.cn",
            (Scope::Outlook, Cloud::Global) => "https://outlook.office365.com",
            (Scope::Outlook, Cloud::UsGovernment) => "https://outlook.office365.us",
            (Scope::Outlook, Cloud::UsDod) => "https://outlook-dod.office365.us",
            (Scope::Outlook, Cloud::China) => "https://partner.outlook.cn",
        }
    }
}

fn parse(url: &str) -> Result<Url, Trouble> {
    Url::parse(url).map_err(|_| Trouble::Nonsense(format!("{url} is no address")))
}

#[cfg(test)]
mod tests {
    use clavis_config::settings::EntraIdentity;
    use jiff::SignedDuration;

    use super::*;

    fn of(cloud: Cloud, graph_url: Option<&str>) -> Endpoints {
        Endpoints::new(&Entra {
            name: "corp".into(),
            identity: EntraIdentity::Managed { client_id: None },
            cloud,
            graph_url: graph_url.map(str::to_owned),
            login_url: None,
            identity_url: None,
            timeout: SignedDuration::from_secs(10),
        })
    }

    #[test]
    fn each_cloud_has_its_hosts() {
        for (cloud, login, graph, outlook) in [
            (
                Cloud::Global,
                "https://login.microsoftonline.com/t/oauth2/v2.0/token",
                "https://graph.microsoft.com",
                "https://outlook.office365.com",
            ),
            (
                Cloud::UsGovernment,
                "https://login.microsoftonline.us/t/oauth2/v2.0/token",
                "https://graph.microsoft.us",
                "https://outlook.office365.us",
            ),
            (
                Cloud::UsDod,
                "https://login.microsoftonline.us/t/oauth2/v2.0/token",
                "https://dod-graph.microsoft.us",
                "https://outlook-dod.office365.us",
            ),
            (
                Cloud::China,
                "https://login.chinacloudapi.cn/t/oauth2/v2.0/token",
                "https://microsoftgraph.chinacloudapi.cn",
                "https://partner.outlook.cn",
            ),
        ] {
            let endpoints = of(cloud, None);
            assert_eq!(endpoints.token("t").unwrap().as_str(), login);
            assert_eq!(endpoints.graph().unwrap().as_str(), format!("{graph}/"));
            assert_eq!(endpoints.resource(Scope::Graph), graph);
            assert_eq!(endpoints.resource(Scope::Outlook), outlook);
        }
    }

    #[test]
    fn a_token_is_for_the_cloud_also_where_a_proxy_stands_for_it() {
        let endpoints = of(Cloud::Global, Some("https://proxy.example.com"));
        let graph = endpoints.graph().unwrap();
        assert_eq!(graph.as_str(), "https://proxy.example.com/");
        assert_eq!(
            endpoints.resource(Scope::Graph),
            "https://graph.microsoft.com"
        );
    }
}
