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
