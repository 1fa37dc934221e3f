//! Where people are signed in now.

use super::{
    filter::{self, Asked},
    rows::session_row,
    viewer::{Answer, Viewer},
};
use crate::{
    base::id::DeviceSessionId,
    domain::role::Permission,
    flows::admin::look,
    web::{pages::SessionsPage, private::permission::ReadSessions},
};

pub(super) async fn list(viewer: Viewer<ReadSessions>) -> Answer {
    let provider = viewer.private.provider();
    let asked = filter::asked(&viewer)
        .await
        .map_err(|error| viewer.fault(error))?;
    let Asked { fields, filter } = asked;
    let clients = provider.clients.enabled().into_iter();
    let mut page = SessionsPage {
        frame: viewer.frame("/console/sessions"),
        clients: clients
            .map(|client| (client.id.to_string(), client.name.to_string()))
            .collect(),
        fields,
        error: None,
        sessions: Vec::new(),
        looked_at: 0,
        next: None,
        end_path: None,
    };
    let filter = match filter {
        Ok(filter) => filter,
        Err(wrong) => {
            page.error = Some(wrong);
            return Ok(viewer.show_again(&page));
        }
    };
    let after: Option<DeviceSessionId> = viewer.query.text("after").parse().ok();
    let seen = look::sessions(provider, &filter, after, look::PAGE).await;
    let seen = seen.map_err(|error| viewer.fault(error))?;
    let people = seen.people;
    let items = seen.search.page.items.into_iter();
    page.sessions = items
        .map(|row| session_row(&viewer, row, Some(&people)))
        .collect();
    page.looked_at = seen.search.looked_at;
    page.next = seen
        .search
        .page
        .next
        .map(|next| filter::path("/console/sessions", &page.fields, &[("after", &next)]));
    if !filter.is_empty() {
        let path = filter::path("/console/sessions/end", &page.fields, &[]);
        page.end_path = viewer.path_if(Permission::EndSessions, path);
    }
    Ok(viewer.show(&page))
}
