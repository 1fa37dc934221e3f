//! `postern session list|browsers|show|versions|end|ends|cancel-end`.

use clap::{Args, Subcommand};

use self::{
    end::How,
    filter::{AnyFlags, FilterFlags},
};
use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, MassEndId},
        page::MAX_PAGE,
        session_id::SessionId,
    },
    cli::{place::Place, world::World},
    domain::session_filter::SessionFilter,
};

mod confirmed;
mod end;
mod filter;
mod list;

/// List and end sessions.
#[derive(Debug, Args)]
pub(super) struct SessionCommand {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the sessions of apps, newest first; of one person also those of browsers
    List {
        #[command(flatten)]
        filter: FilterFlags,
        /// Go on after this session
        #[arg(long, value_name = "ID")]
        after: Option<DeviceSessionId>,
        /// How many rows at most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=MAX_PAGE))]
        limit: i64,
    },
    /// List the sessions of browsers, newest first
    Browsers {
        #[command(flatten)]
        filter: AnyFlags,
        /// Go on after this session
        #[arg(long, value_name = "ID")]
        after: Option<BrowserSessionId>,
        /// How many rows at most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=MAX_PAGE))]
        limit: i64,
    },
    /// Show one session of an app or of a browser
    Show {
        /// An app's session (dse_...), or a browser's (bse_...)
        #[arg(value_name = "SESSION_ID")]
        id: SessionId,
    },
    /// Count the live sessions of apps by their version
    Versions {
        /// Only of this app
        #[arg(long, value_name = "CLIENT_ID")]
        client: Option<ClientId>,
    },
    /// End one session, all of a person with those of their browsers (--user alone), or all app sessions that match
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(SessionFilter::PARTS).arg("session"))]
    End {
        /// An app's session (dse_...), or a browser's (bse_...) with the app sessions that live with it
        #[arg(value_name = "SESSION_ID", conflicts_with_all = SessionFilter::PARTS)]
        session: Option<SessionId>,
        #[command(flatten)]
        filter: FilterFlags,
        #[command(flatten)]
        how: How,
    },
    /// List the ends of many sessions, and how far they came
    Ends {
        /// Go on after this end
        #[arg(long, value_name = "END_ID")]
        after: Option<MassEndId>,
        /// How many rows at most
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=MAX_PAGE))]
        limit: i64,
    },
    /// Stop an end of many sessions; what has ended stays ended
    CancelEnd {
        /// Which
        #[arg(value_name = "END_ID")]
        id: MassEndId,
    },
}

pub(super) async fn run(command: SessionCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let admin = world.admin(place).await?;
    let json = command.json;
    match command.verb {
        Verb::List { filter, after, limit } => {
            let page = list::Wanted { after, limit };
            list::list(&admin, &filter, page, json, place, world).await
        }
        Verb::Browsers { filter, after, limit } => {
            let page = list::Wanted { after, limit };
            list::browsers(&admin, &filter, page, json, place, world).await
        }
        Verb::Show {
            id: SessionId::Browser(id),
        } => list::show_browser(&admin, id, json, world).await,
        Verb::Show {
            id: SessionId::Device(id),
        } => list::show(&admin, id, json, world).await,
        Verb::Versions { client } => list::versions(&admin, client.as_ref(), json, world).await,
        Verb::End { session, filter, how } => end::end(&admin, session, &filter, how, json, world).await,
        Verb::Ends { after, limit } => end::list(&admin, after, limit, json, place, world).await,
        Verb::CancelEnd { id } => end::cancel(&admin, id, json, world).await,
    }
}
