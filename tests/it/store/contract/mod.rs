//! What every back end must do, through the store's public functions only.

mod attempts;
mod browser_sessions;
mod client_secrets;
mod clients;
mod consents;
mod device_sessions;
mod ending;
mod ends;
mod events;
mod jobs;
mod keys;
mod outbox;
mod over;
mod revocations;
mod used_assertions;
mod users;
mod world;

/// Each rule of each file below, as a test of each back end.
macro_rules! on_every_back_end {
    ($($file:ident: $($rule:ident)*;)*) => {
        mod sqlite {
            $(mod $file {
                $(#[tokio::test]
                async fn $rule() {
                    let scratch = crate::store::scratch::Scratch::start().await;
                    super::super::$file::$rule(super::super::world::World::new(scratch.db.clone())).await;
                })*
            })*
        }

        mod postgres {
            $(mod $file {
                $(#[tokio::test]
                async fn $rule() {
                    let Some(database) = crate::harness::postgres::database().await else {
                        return;
                    };
                    let db = postern::store::db::Db::open(&database.location).await.expect("opened");
                    super::super::$file::$rule(super::super::world::World::new(db)).await;
                })*
            })*
        }
    };
}

on_every_back_end! {
    attempts:
        a_burst_is_taken_and_one_more_when_one_has_drained
        a_try_given_back_is_free_again
        parallel_tries_never_take_more_than_the_burst
        a_sweep_forgets_only_empty_buckets_and_so_many_at_once;
    browser_sessions:
        the_cookie_finds_the_session_until_it_is_idle_or_too_old
        signing_in_again_keeps_the_row_and_moves_the_cookie
        nobody_signs_in_to_an_ended_or_a_foreign_row
        a_disabled_person_has_no_session
        a_touch_moves_forward_only_and_never_revives
        the_expired_are_found_and_a_list_has_only_the_living;
    client_secrets:
        two_secrets_are_good_at_most_and_a_third_changes_nothing
        a_secret_is_removed_once_and_all_of_them_with_their_client
        a_use_is_written_once_in_a_while_and_a_warning_once;
    clients:
        a_change_of_clients_raises_the_version
        a_taken_client_id_is_a_conflict_and_changes_nothing
        removing_a_client_ends_its_sessions_and_forgets_its_consents;
    consents:
        a_consent_grows_also_when_another_page_was_faster
        a_withdrawn_consent_is_forgotten_with_its_sessions;
    device_sessions:
        one_pushed_request_opens_one_session
        allowing_again_renews_the_code_and_opens_one_session
        a_session_that_was_redeemed_is_not_granted_again
        nothing_is_granted_to_the_ended_the_disabled_or_the_expired
        a_session_that_lives_with_its_browser_ends_with_it_at_the_latest
        a_code_is_redeemed_once_and_every_check_refuses
        a_named_key_is_demanded_and_another_binds_the_session
        a_key_that_only_redeems_leaves_the_session_unbound
        the_newest_rotates_and_its_predecessor_gives_the_same_successor
        a_predecessor_of_a_bearer_session_is_late_after_the_window
        every_condition_of_a_rotation_refuses
        parallel_refreshes_of_one_token_advance_once
        a_row_that_is_older_than_the_world_goes_forward_once
        a_list_goes_along_a_key_newest_first;
    ending:
        a_device_session_ends_with_those_under_it
        a_granted_session_is_ended_without_a_revocation
        an_active_session_is_not_ended_as_granted
        a_browser_session_ends_with_what_lives_with_it
        all_of_an_origin_ends_also_what_lives_on_its_own
        a_user_ends_with_everything_but_what_is_kept
        what_hangs_under_an_ended_session_is_not_kept
        a_consent_ends_one_clients_sessions_of_one_person
        a_client_ends_with_all_its_sessions
        sessions_end_by_a_list_of_ids_with_those_under_them
        an_end_twice_changes_nothing_and_tells_nothing;
    ends:
        what_ended_lately_is_read_page_by_page_with_what_was_never_redeemed
        what_lives_although_it_ended_is_ended_again_once
        a_revocation_that_was_lost_is_listed_again_once;
    events:
        events_come_newest_first_with_their_subject
        an_event_id_is_used_once;
    jobs:
        of_many_at_once_one_gets_the_job
        a_job_is_kept_by_its_holder_and_lost_by_time
        who_takes_over_goes_on_where_the_other_was;
    keys:
        first_keys_are_read_back_and_founded_once
        a_ring_turns_as_a_whole_or_not_at_all
        a_secret_is_destroyed_when_what_it_made_is_over;
    outbox:
        a_message_is_one_takers_until_its_time_is_over
        what_is_settled_goes_waits_or_is_told_of
        what_waits_for_nobody_is_forgotten;
    over:
        what_ended_before_is_deleted_so_many_at_once
        what_was_used_meanwhile_or_has_others_under_it_is_not_deleted
        a_deletion_and_a_redemption_at_once_have_one_winner
        the_oldest_events_are_deleted_so_many_at_once
        a_revocation_that_still_matters_is_not_deleted;
    revocations:
        a_token_is_listed_once
        too_many_tokens_end_their_session;
    used_assertions:
        an_assertion_is_used_once_whoever_is_first
        one_of_a_client_that_nobody_has_checked_is_used_once_too
        what_has_expired_is_forgotten_so_many_at_once;
    users:
        a_user_is_found_by_id_and_address
        a_taken_address_is_a_conflict_and_changes_nothing
        a_new_password_ends_what_it_is_told_and_replaces_the_hash
        a_rehash_loses_against_a_new_password
        who_proved_an_older_password_or_asks_from_an_ended_session_changes_nothing
        disabling_happens_once;
}
