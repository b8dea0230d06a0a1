//! What holds whatever happens.

use proptest::prelude::*;

use crate::envoy::Fate;
use crate::world::{Event, World};

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Answered),
        2 => Just(Fate::Repeated),
        1 => Just(Fate::Garbled),
        2 => Just(Fate::Lost),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let which = 0..8_usize;
    prop_oneof![
        6 => any::<bool>().prop_map(|streams| Event::Arrive { streams }),
        4 => prop::bool::weighted(0.1).prop_map(|is_lost| Event::AnswerKey { is_lost }),
        8 => (which.clone(), any::<bool>(), 1..50_u64)
            .prop_map(|(which, ends, completion)| Event::Progress { which, ends, completion }),
        2 => which.clone().prop_map(Event::Abort),
        8 => (0..3_usize).prop_map(Event::Tick),
        2 => Just(Event::Ring),
        6 => prop_oneof![1..50_u64, 200..1_500_u64, 5_000..25_000_u64].prop_map(Event::Pass),
        1 => (-200_000_i64..200_000).prop_map(Event::SetClock),
        8 => which.clone().prop_map(Event::Hear),
        8 => (which, fate()).prop_map(|(which, fate)| Event::EndCall(which, fate)),
        1 => Just(Event::Reload),
        1 => Just(Event::DropRoot),
        1 => prop::bool::weighted(0.3).prop_map(Event::CutOff),
        1 => prop::bool::weighted(0.3).prop_map(Event::Block),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_request_has_one_outcome_and_one_record_and_no_limit_is_exceeded(
        parallel in prop::option::of(1..6_u64),
        budget in prop::option::of(1..5_000_000_000_u64),
        events in prop::collection::vec((0..2_usize, event()), 1..150),
    ) {
        let mut world = World::new(parallel, budget);
        for (envoy, event) in events {
            world.happen(envoy, event);
        }
        world.rest();
    }
}
