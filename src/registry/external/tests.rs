use super::*;
use crate::registry::News;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    game: ExternalRegistry,
    requests: mpsc::Receiver<Request>,
    news: mpsc::Receiver<News>,
    commands: mpsc::Sender<Command>,
}

fn start(host: &str) -> Running {
    let world = GroupSection { visibility: Visibility::External, ..GroupSection::default() };
    let (connector, game, requests) = open(&BTreeMap::from([("world".into(), world)]));
    let (news_in, news) = mpsc::channel(4);
    let (commands, commands_out) = mpsc::channel(4);
    let (group, name, host) = ("world".into(), "w1".into(), host.into());
    let me = Candidate { id: None, group, name, host, port: 4000, visibility: Default::default(), properties: BTreeMap::new() };
    tokio::spawn(Box::new(connector).run(me, Wires { news: news_in, commands: commands_out }));
    Running { game, requests, news, commands }
}

async fn soon<T>(what: impl Future<Output = Option<T>>) -> T {
    timeout(PATIENCE, what).await.expect("in time").expect("it runs")
}

impl Running {
    async fn asked(&mut self) -> Registration {
        match soon(self.requests.recv()).await {
            Request::Register(entry) => *entry,
            other => panic!("{other:?}"),
        }
    }

    async fn registered(&mut self) -> ServerId {
        let id = self.asked().await.id;
        self.game.registered(id).expect("asked");
        assert!(matches!(soon(self.news.recv()).await, News::Registered(own) if own.id == id));
        assert!(matches!(soon(self.news.recv()).await, News::Snapshot(all) if all.len() == 1));
        id
    }
}

#[tokio::test(start_paused = true)]
async fn the_game_is_asked_until_it_succeeds_with_pauses_that_grow() {
    let mut running = start("10.0.0.1");
    let (mut last, mut ids, began) = (running.asked().await, Vec::new(), Instant::now());
    for _ in 0..8 {
        ids.push(last.id);
        running.game.register_failed("no room").expect("asked");
        last = running.asked().await;
    }
    // 100, 200, 400, 800, 1600 and three times 2000 ms, of each at least half.
    let took = began.elapsed();
    assert!(took > Duration::from_millis(4500) && took < Duration::from_millis(9200), "{took:?}");
    assert!(ids.is_sorted() && !ids.contains(&last.id), "every attempt has an id of its own");
    assert_eq!(soon(running.news.recv()).await, News::Lost("no room".into()));
    running.game.registered(last.id).expect("asked");
    assert_eq!(soon(running.news.recv()).await, News::Restored);
}

#[tokio::test]
async fn failures_are_asked_about_and_a_goodbye_is_asked_for() {
    let mut running = start("10.0.0.1");
    let own = running.registered().await;
    let there = Registration { id: ServerId::new(7).unwrap(), name: "w2".into(), ..entry_of(own) };
    running.game.server_joined(there.clone()).expect("good");
    assert!(matches!(soon(running.news.recv()).await, News::Joined(joined) if joined.id == there.id));
    // Nobody asks about somebody who is not there.
    for suspect in [8, 7] {
        running.commands.send(Command::ReportFailure(ServerId::new(suspect).unwrap())).await.expect("it runs");
    }
    assert_eq!(soon(running.requests.recv()).await, Request::ConnectionFailure(there.id));
    running.commands.send(Command::Deregister).await.expect("it runs");
    assert_eq!(soon(running.requests.recv()).await, Request::Deregister(own));
    assert_eq!(running.game.server_left(there.id), Err(RegistryError::Stopped));
    assert_eq!(timeout(PATIENCE, running.requests.recv()).await, Ok(None), "it has ended");
}

fn entry_of(id: ServerId) -> Registration {
    let (group, name, host) = ("world".into(), "w1".into(), "10.0.0.1".into());
    Registration { id, group, name, host, port: 4000, visibility: Default::default(), properties: BTreeMap::new() }
}

#[tokio::test]
async fn a_server_that_was_never_registered_asks_for_no_goodbye() {
    let mut running = start("10.0.0.1");
    let asked = running.asked().await;
    drop(running.commands);
    assert_eq!(timeout(PATIENCE, running.requests.recv()).await, Ok(None));
    assert_eq!(running.game.registered(asked.id), Err(RegistryError::Stopped));
}

#[tokio::test]
async fn a_connector_that_is_dropped_answers_its_game() {
    let (connector, game, _requests) = open(&BTreeMap::new());
    let (news, _news) = mpsc::channel(1);
    let (_commands, commands) = mpsc::channel(1);
    let me = Candidate {
        id: None,
        group: "g".into(),
        name: "n".into(),
        host: "h".into(),
        port: 1,
        visibility: Default::default(),
        properties: BTreeMap::new(),
    };
    let task = tokio::spawn(Box::new(connector).run(me, Wires { news, commands }));
    task.abort();
    let _ = task.await;
    // A task that never began has nothing to close; its game is told that nobody asks.
    assert!(matches!(game.registered(ServerId::new(1).unwrap()), Err(RegistryError::Stopped | RegistryError::NotAsked)));
}

#[tokio::test]
async fn the_visibility_is_what_the_configuration_says() {
    let mut running = start("10.0.0.1");
    let own = running.registered().await;
    running.game.server_joined(Registration { id: ServerId::new(7).unwrap(), name: "w2".into(), ..entry_of(own) }).expect("good");
    assert!(matches!(soon(running.news.recv()).await, News::Joined(there) if there.visibility == Visibility::External));
}

#[tokio::test]
async fn many_reports_arrive_in_order_however_slowly_they_are_taken() {
    let mut running = start("10.0.0.1");
    let own = running.registered().await;
    let joins = (1..=500).map(|raw| Registration { id: ServerId::new(raw).unwrap(), name: format!("n{raw}"), ..entry_of(own) });
    for join in joins.clone() {
        running.game.server_joined(join).expect("good");
    }
    for join in joins {
        assert!(matches!(soon(running.news.recv()).await, News::Joined(joined) if joined.id == join.id));
    }
}

#[tokio::test]
async fn an_address_that_nobody_can_dial_is_replaced_or_reported() {
    let mut running = start("");
    tokio::select! {
        asked = running.requests.recv() => {
            let Some(Request::Register(entry)) = asked else { panic!("{asked:?}") };
            let host: IpAddr = entry.host.parse().expect("an address");
            assert!(!host.is_unspecified());
        }
        // A machine without a network.
        news = running.news.recv() => assert!(matches!(news, Some(News::Lost(text)) if text.contains("server.advertise"))),
    }
}
