//! A DNS server that knows the controllers of one domain.

use std::net::{Ipv4Addr, SocketAddr};

use clavis_config::settings::Controllers;
use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Where to find the domain's controllers: priority, name, port, address.
pub(crate) type Hosts = Vec<(u16, &'static str, u16, Ipv4Addr)>;

/// Serves `_ldap._tcp.dc._msdcs.corp.example.com` and the hosts' addresses over UDP until it is
/// dropped. Its answers are not to be cached.
pub(crate) struct NameServer {
    at: SocketAddr,
    task: JoinHandle<()>,
}

impl NameServer {
    pub(crate) async fn start(hosts: Hosts) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1024];
            loop {
                let (size, from) = socket.recv_from(&mut buffer).await.unwrap();
                let question = Message::from_vec(&buffer[..size]).unwrap();
                let answer = answer(&question, &hosts).to_vec().unwrap();
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        Self { at, task }
    }

    /// The setting that has this server asked.
    pub(crate) fn controllers(&self) -> Controllers {
        Controllers::Discovered {
            domain: "corp.example.com".into(),
            dns_server: Some(self.at),
        }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(question: &Message, hosts: &Hosts) -> Message {
    let query = question.queries[0].clone();
    let name = query.name().to_utf8();
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    for (priority, target, port, address) in hosts {
        let target = Name::from_utf8(format!("{target}.")).unwrap();
        let data = match query.query_type() {
            RecordType::SRV if name == "_ldap._tcp.dc._msdcs.corp.example.com." => {
                RData::SRV(SRV::new(*priority, 100, *port, target))
            }
            RecordType::A if *query.name() == target => RData::A(A(*address)),
            _ => continue,
        };
        answer.add_answer(Record::from_rdata(query.name().clone(), 0, data));
    }
    if answer.answers.is_empty() {
        answer.metadata.response_code = ResponseCode::NXDomain;
    }
    answer.add_query(query);
    answer
}
