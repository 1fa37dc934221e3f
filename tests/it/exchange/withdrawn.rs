//! Tokens that a withdrawn key signed.

use postern::{
    domain::{actor::Actor, key::Ring},
    flows::keys::rotate::withdraw,
};

use super::world;
use crate::harness::Postern;

#[tokio::test]
async fn a_token_of_a_withdrawn_key_is_neither_exchanged_nor_said_to_be_active() {
    let postern = Postern::start().await;
    let (phone, tokens, orders) = world(&postern).await;
    assert_eq!(orders.introspect(&tokens.access).await["active"], true);
    withdraw(postern.provider(), &Ring::ALL, false, Actor::Operator)
        .await
        .expect("withdrawn");
    assert_eq!(orders.introspect(&tokens.access).await["active"], false);
    assert_eq!(orders.exchange(&tokens.access, &[]).await.status, 400);
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);
}
