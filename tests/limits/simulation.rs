//! Any interleaving of workers, Envoys, calls, losses and deaths keeps the limits, and leaves nothing reserved.

use proptest::prelude::*;
use switchboard::key::{Account, AccountId, TokenHash};
use switchboard::limits::Amount;

use crate::world::{MOST_MONEY, World};

#[derive(Clone, Copy, Debug)]
struct Step {
    kind: u8,
    envoy: usize,
    worker: usize,
    which: usize,
    amount: u64,
    time: u64,
}

fn step() -> impl Strategy<Value = Step> {
    // Mostly short times; now and then one in which leases and windows end.
    let time = prop_oneof![6 => 0..20_u64, 3 => 20..1_200_u64, 1 => 1_200..40_000_u64];
    (0..100_u8, 0..3_usize, 0..3_usize, 0..8_usize, 1..=MOST_MONEY, time).prop_map(
        |(kind, envoy, worker, which, amount, time)| Step { kind, envoy, worker, which, amount, time },
    )
}

fn limits() -> impl Strategy<Value = Account> {
    let any = |most| proptest::option::of(0..most);
    (any(12_u64), any(300_u64), any(6_u64), any(1_500_u64))
        .prop_filter("something is limited", |(rpm, tpm, parallel, budget)| {
            rpm.is_some() || tpm.is_some() || parallel.is_some() || budget.is_some()
        })
        .prop_map(|(rpm_limit, tpm_limit, max_parallel_requests, max_budget)| Account {
            rpm_limit,
            tpm_limit,
            max_parallel_requests,
            max_budget,
            ..Account::new(AccountId::of_key(TokenHash::of(b"sk-1")))
        })
}

fn play(world: &mut World, step: Step, is_rough: bool) {
    let envoys = world.envoys.len();
    let (envoy, workers) = (step.envoy % envoys, world.envoys[0].workers.len());
    let worker = step.worker % workers;
    let reserve = Amount { tokens: step.amount, money: step.amount };
    let used = if world.reserves_enough { step.amount * step.which as u64 / 8 } else { step.amount * 2 };
    match step.kind {
        0..35 => world.arrive(envoy, worker, reserve, Amount { tokens: used, money: used }),
        35..55 => world.finish(envoy, worker, step.which, !step.kind.is_multiple_of(4)),
        55..65 => world.tick(envoy, worker, true),
        65..72 => world.tick(envoy, worker, false),
        72..82 => world.hear(step.which),
        82..92 => world.end_call(step.which, is_rough && step.kind == 82),
        92..94 => world.abort(envoy, worker),
        94 if is_rough => world.kill_worker(envoy, worker),
        95 if is_rough => world.kill_envoy(envoy),
        _ => world.advance(step.time),
    }
    if world.is_calm {
        world.tick(envoy, worker, false);
        world.answer_all();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_passes_a_limit_or_leaves_anything_reserved(
        account in limits(),
        envoys in 1..4_usize,
        workers in 1..4_usize,
        conflicts in prop_oneof![Just(0_u32), 2..5_u32],
        reserves_enough: bool,
        steps in proptest::collection::vec(step(), 1..400),
    ) {
        let mut world = World::new(account, envoys, workers, conflicts);
        world.reserves_enough = reserves_enough;
        for step in steps {
            play(&mut world, step, true);
        }
        world.rest();
    }

    #[test]
    fn one_envoy_refuses_only_when_nothing_is_left(
        account in limits(),
        workers in 1..4_usize,
        conflicts in prop_oneof![Just(0_u32), 2..5_u32],
        steps in proptest::collection::vec(step(), 1..400),
    ) {
        let mut world = World::new(account, 1, workers, conflicts);
        world.is_calm = true;
        for step in steps {
            play(&mut world, step, false);
        }
        world.rest();
    }

    #[test]
    fn after_a_rest_every_envoy_lets_in_what_there_is_room_for(
        account in limits(),
        envoys in 2..4_usize,
        workers in 1..3_usize,
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let mut world = World::new(account, envoys, workers, 0);
        for step in steps {
            play(&mut world, step, true);
        }
        world.rest();
        // A new window, and nothing is under way.
        world.advance(120_000);
        let limits = &world.account;
        let is_open = ![limits.rpm_limit, limits.tpm_limit, limits.max_parallel_requests].contains(&Some(0))
            && limits.max_budget.is_none_or(|budget| world.account.spend < budget);
        for envoy in 0..envoys {
            let before = world.admitted;
            world.arrive(envoy, 0, Amount { tokens: 1, money: 1 }, Amount::default());
            for _ in 0..4 {
                world.tick(envoy, 0, false);
                world.answer_all();
                world.advance(1_100);
            }
            prop_assert_eq!(world.admitted - before, u64::from(is_open));
            world.rest();
            world.advance(120_000);
        }
    }
}
