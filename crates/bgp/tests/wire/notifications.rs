use bgp::State;
use bgp::wire::{self, Message, Notification};
use proptest::prelude::*;

use super::{decode, external, message};

fn received(code: u8, subcode: u8, data: &[u8]) -> Notification {
    let octets = message(3, &[&[code, subcode], data].concat());
    match decode(&octets, &external()) {
        Ok(Message::Notification(notification)) => notification,
        other => panic!("no NOTIFICATION: {other:?}"),
    }
}

/// B15, B16
#[test]
fn a_notification_is_told_in_the_words_of_the_registry() {
    let text = |code, subcode, data: &[u8]| received(code, subcode, data).to_string();
    assert_eq!(text(4, 0, &[]), "Hold Timer Expired");
    assert_eq!(text(2, 2, &[]), "OPEN Message Error/Bad Peer AS");
    assert_eq!(text(6, 10, &[]), "Cease/BFD Down");
    assert_eq!(text(8, 0, &[]), "Send Hold Timer Expired");
    assert_eq!(
        text(1, 2, &[0, 18]),
        "Message Header Error/Bad Message Length: 0012"
    );
    assert_eq!(text(6, 200, &[]), "Cease/subcode 200");
    assert_eq!(text(99, 7, &[1]), "code 99/subcode 7: 01");
    assert_eq!(
        text(3, 4, &[0xAB; 40]),
        format!("UPDATE Message Error/Attribute Flags Error: {}…", "ab".repeat(16))
    );
}

/// B15: none of those that are sent is without a name.
#[test]
fn all_notifications_that_are_sent_have_names() {
    let sent = [
        Notification::not_synchronized(),
        Notification::bad_message_length(18),
        Notification::bad_message_type(9),
        Notification::malformed_open(),
        Notification::unsupported_version(),
        Notification::bad_peer_as(),
        Notification::bad_identifier(),
        Notification::unsupported_parameter(),
        Notification::unacceptable_hold_time(),
        Notification::hold_timer_expired(),
        Notification::fsm_error(State::OpenSent),
        Notification::fsm_error(State::OpenConfirm),
        Notification::fsm_error(State::Established),
        Notification::shutdown(""),
        Notification::deconfigured(),
        Notification::reset(""),
        Notification::configuration_change(),
        Notification::collision(),
        Notification::out_of_resources(),
        Notification::hard_reset(&Notification::deconfigured()),
        Notification::bfd_down(),
        Notification::route_refresh_length(&[]),
        Notification::send_hold_timer_expired(),
    ];
    for notification in sent {
        let text = notification.to_string();
        assert!(!text.contains("code"), "{text}");
        assert_eq!(text.contains('/'), notification.subcode != 0, "{text}");
    }
}

/// B14
#[test]
fn an_unexpected_message_is_answered_with_the_state_that_did_not_expect_it() {
    let subcodes = [
        (State::Idle, 0),
        (State::Connect, 0),
        (State::Active, 0),
        (State::OpenSent, 1),
        (State::OpenConfirm, 2),
        (State::Established, 3),
    ];
    for (state, subcode) in subcodes {
        let notification = Notification::fsm_error(state);
        assert_eq!((notification.code, notification.subcode), (5, subcode));
    }
}

/// RFC 9003 §2: what the peer's operator wrote is shown, and nothing in it does anything to whoever reads it.
#[test]
fn a_text_for_the_operator_is_quoted_and_escaped() {
    let text = |data: &[u8]| received(6, 2, data).to_string();
    assert_eq!(
        text(b"\x0amaintained"),
        "Cease/Administrative Shutdown: \"maintained\""
    );
    assert_eq!(
        text("\u{5}zürü".as_bytes()),
        "Cease/Administrative Shutdown: \"zür\\xc3\""
    );
    assert_eq!(
        text(b"\x09it's \"up\""),
        "Cease/Administrative Shutdown: \"it's \\\"up\\\"\""
    );
    assert_eq!(
        text(b"\x08\x1b[2J\r\n\0\xff"),
        "Cease/Administrative Shutdown: \"\\u{1b}[2J\\r\\n\\0\\xff\""
    );
    assert_eq!(
        text("\u{7}\u{202e}evil".as_bytes()),
        "Cease/Administrative Shutdown: \"\\u{202e}evil\""
    );
    assert_eq!(text(b"\0"), "Cease/Administrative Shutdown");
    assert_eq!(text(b""), "Cease/Administrative Shutdown");
    // A length that promises more than there is.
    assert_eq!(text(b"\xffshort"), "Cease/Administrative Shutdown: \"short\"");
    assert_eq!(
        received(6, 4, b"\x03now").to_string(),
        "Cease/Administrative Reset: \"now\""
    );
    assert_eq!(
        received(6, 3, b"\x03now").to_string(),
        "Cease/Peer De-configured: 036e6f77"
    );
}

/// RFC 9003 §2, RFC 8203 §2
#[test]
fn a_text_is_cut_between_characters_after_128_octets() {
    let longest = "a".repeat(128);
    assert_eq!(
        Notification::shutdown(&longest).data,
        [&[128], longest.as_bytes()].concat()
    );
    assert_eq!(
        Notification::shutdown(&"a".repeat(129)),
        Notification::shutdown(&longest)
    );
    let umlauts = "ü".repeat(64) + "b";
    assert_eq!(Notification::shutdown(&umlauts).data[0], 128);
    assert_eq!(Notification::shutdown(&format!("a{umlauts}")).data[0], 127);
    assert_eq!(Notification::shutdown("").data, []);
    assert_eq!(Notification::reset("x").data, [1, b'x']);
}

/// RFC 8538 §3.1
#[test]
fn a_hard_reset_says_what_it_wraps() {
    let inner = Notification::shutdown("bye");
    let hard = Notification::hard_reset(&inner);
    assert_eq!(hard.data, [6, 2, 3, b'b', b'y', b'e']);
    assert_eq!(hard.hard_reset_inner(), Some(inner.clone()));
    assert_eq!(
        hard.to_string(),
        "Cease/Hard Reset: Cease/Administrative Shutdown: \"bye\""
    );
    assert_eq!(inner.hard_reset_inner(), None);
    assert_eq!(received(6, 9, &[]).hard_reset_inner(), None);
    assert_eq!(received(6, 9, &[6]).hard_reset_inner(), None);
    assert_eq!(received(6, 9, &[]).to_string(), "Cease/Hard Reset");
}

#[test]
fn hard_resets_within_hard_resets_are_not_followed() {
    let text = received(6, 9, &[6, 9].repeat(2000)).to_string();
    assert_eq!(text, format!("Cease/Hard Reset: {}…", "0609".repeat(8)));
}

#[test]
fn only_bad_peer_as_is_bad_peer_as() {
    assert!(Notification::bad_peer_as().is_bad_peer_as());
    assert!(!Notification::bad_identifier().is_bad_peer_as());
    assert!(!received(3, 2, &[]).is_bad_peer_as());
}

/// U5
#[test]
fn a_notification_is_never_longer_than_a_message() {
    let notification = Notification {
        code: 3,
        subcode: 9,
        data: vec![7; 65000],
    };
    assert_eq!(wire::notification(&notification).len(), 4096);
    assert_eq!(
        wire::notification(&Notification::route_refresh_length(&[7; 65000])).len(),
        4096
    );
    let inner = Notification::hard_reset(&notification);
    assert_eq!(wire::notification(&inner).len(), 4096);
}

proptest! {
    #[test]
    fn a_notification_reads_as_it_was_written(code: u8, subcode: u8, data in prop::collection::vec(any::<u8>(), 0..300)) {
        let notification = Notification { code, subcode, data };
        let octets = wire::notification(&notification);
        prop_assert_eq!(decode(&octets, &external()), Ok(Message::Notification(notification)));
    }

    #[test]
    fn whatever_a_notification_holds_is_shown_on_one_line(code in 0..10_u8, subcode in 0..12_u8, data: Vec<u8>) {
        let text = received(code, subcode, &data).to_string();
        prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
    }
}
