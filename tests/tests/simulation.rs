//! The simulated clusters: a thousand seeds of the pure ring, and every history that once broke a
//! law.

#![allow(
    clippy::panic,
    reason = "a test that fails by panicking is a test that fails"
)]

use e2e::simulation::history::Deed::*;
use e2e::simulation::history::{self, Lost::*, Step};
use e2e::simulation::{script, trial};

/// Panics with the shortest history that was found to fail.
fn holds(seed: u64, steps: &[Step]) {
    if let Err(failure) = trial::replay(seed, steps) {
        panic!("{}", trial::shrink(&failure));
    }
}

#[test]
fn a_thousand_seeds() {
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || {
                for seed in (half..1_000).step_by(2) {
                    holds(seed, &history::of(seed));
                }
            });
        }
    });
}

/// Real gossip over a network in memory; more by `simulate scripts`.
#[test]
fn some_clusters_of_real_gossip() {
    let failures: Vec<_> = (0..12).filter_map(|seed| script::run(seed).err()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_seed_is_a_history_for_ever() {
    let outcomes = [trial::tell(7), trial::tell(7)];
    let [one, other] = outcomes.map(|outcome| format!("{outcome:?}"));
    assert_eq!(one, other);
}

/// Another has it begin anew.
#[test]
fn the_second_of_its_name_begins_anew() {
    holds(
        219,
        &[
            (0, Start(1)),
            (0, Start(11)),
            (18216, StartAs(3, 11)),
            (33088, Foretell(3, 8, 110_158)),
        ],
    );
}

#[test]
fn a_twin_that_has_just_come_begins_anew() {
    holds(
        1576,
        &[
            (515, Start(5)),
            (622, Start(8)),
            (1485, Start(7)),
            (1525, Start(1)),
            (2259, Start(2)),
            (4575, Delay(50, 2877)),
            (4992, StartAs(3, 5)),
            (5501, StartElsewhere(8)),
            (7353, Foretell(3, 6, 106_794)),
        ],
    );
}

#[test]
fn who_was_denied_its_server_by_one_that_is_gone_has_it_again() {
    holds(
        644,
        &[
            (0, Start(2)),
            (14182, Start(3)),
            (14607, Claim(3, 3, 4989)),
            (17587, StartAs(3, 3)),
            (20275, Claim(3, 3, 3841)),
        ],
    );
}

#[test]
fn an_address_that_another_container_has_now_is_one_server() {
    holds(4, &[(0, Start(1)), (0, Start(3)), (3065, StartAs(3, 5))]);
}

#[test]
fn a_node_that_left_comes_back_with_its_clock_set_back() {
    holds(
        58,
        &[
            (2454, Start(3)),
            (2465, Start(1)),
            (4783, Leave(3)),
            (6517, Clock(3, -3600)),
            (7850, Start(3)),
        ],
    );
}

#[test]
fn a_check_that_our_own_stall_drew_out_proves_nothing() {
    holds(
        1357,
        &[
            (0, Start(2)),
            (0, Start(3)),
            (0, Start(12)),
            (5918, Stop(2, 395)),
            (6771, Stop(12, 3984)),
            (10196, Stop(2, 7167)),
        ],
    );
    holds(
        274,
        &[
            (0, Start(0)),
            (0, Start(5)),
            (2950, Isolate(5, All, 3887)),
            (7561, Stop(0, 5798)),
        ],
    );
}

#[test]
fn who_is_in_use_is_not_held_out_for_the_past_of_its_name() {
    holds(
        285,
        &[
            (0, Start(2)),
            (0, Start(3)),
            (880, Kill(3)),
            (9271, Start(3)),
            (9587, KillWebapp(3)),
            (9670, StartWebapp(3)),
            (12610, KillWebapp(3)),
            (13437, StartElsewhere(3)),
        ],
    );
}

#[test]
fn a_silent_node_is_served_while_the_next_life_of_its_namesake_begins() {
    holds(
        15546,
        &[
            (746, Isolate(0, OneWay, 399)),
            (820, Start(0)),
            (1082, Start(4)),
            (1152, Start(3)),
            (2282, Start(1)),
            (4544, KillWebapp(4)),
            (6070, StartWebapp(4)),
            (8093, Isolate(3, OneWay, 2310)),
            (10562, StartAs(4, 3)),
            (12850, Stop(3, 6693)),
            (21510, Leave(3)),
            (23913, KillMember(3)),
            (24017, StartAs(3, 3)),
            (24224, Stop(3, 2206)),
        ],
    );
}

#[test]
fn a_silent_node_is_served_while_its_namesake_is_silent_too() {
    holds(
        15798,
        &[
            (0, Start(0)),
            (0, Start(1)),
            (0, Start(2)),
            (0, Start(3)),
            (0, Start(4)),
            (0, Start(5)),
            (4053, StartAs(4, 5)),
            (9476, Isolate(4, All, 7987)),
            (10926, Kill(3)),
            (15012, StartElsewhere(3)),
            (16312, Stop(2, 7611)),
            (16463, Stop(0, 186)),
        ],
    );
}

/// It looks like a container that came back elsewhere.
#[test]
fn a_node_may_be_silent_soon_after_its_namesake_was_met() {
    holds(
        18067,
        &[
            (0, Start(0)),
            (0, Start(1)),
            (0, Start(3)),
            (0, Start(4)),
            (0, Start(5)),
            (0, Start(6)),
            (3262, Clock(5, 3600)),
            (3364, Kill(6)),
            (5314, Delay(400, 3359)),
            (7133, Start(6)),
            (8055, KillMember(4)),
            (11140, Kill(0)),
            (13321, Start(4)),
            (14688, KillMember(3)),
            (15288, Leave(6)),
            (15742, StartElsewhere(3)),
            (16585, Cut(5, 4, OneWay, 1257)),
            (18847, Cut(4, 6, All, 5084)),
            (19372, StartElsewhere(6)),
            (21476, Leave(5)),
            (21576, StartElsewhere(5)),
            (22499, StartAs(5, 3)),
            (24842, Stop(4, 2595)),
            (25013, Kill(0)),
            (26197, Start(0)),
        ],
    );
}

#[test]
fn a_farewell_is_not_taken_back() {
    holds(
        0,
        &[
            (0, Start(0)),
            (0, Start(3)),
            (0, Start(4)),
            (3000, Leave(3)),
            (6000, Forge(3)),
            (6000, StartWebapp(3)),
        ],
    );
}

/// Neither of its own nor of another node.
#[test]
fn who_came_back_with_its_clock_set_back_is_not_hidden_by_a_dead_life() {
    holds(
        23873,
        &[
            (0, Start(0)),
            (0, Start(1)),
            (0, Start(2)),
            (0, Start(3)),
            (759, Kill(0)),
            (846, Clock(3, -3600)),
            (1328, Kill(3)),
            (2290, Kill(3)),
            (3651, Loss(50, 4093)),
            (4190, Start(3)),
            (4752, StartElsewhere(3)),
        ],
    );
    holds(
        20680,
        &[
            (0, Start(0)),
            (0, Start(3)),
            (0, Start(4)),
            (0, Start(5)),
            (0, Start(6)),
            (0, Start(7)),
            (1263, Cut(5, 7, OneWay, 2814)),
            (1426, Clock(3, -3600)),
            (2099, KillWebapp(4)),
            (2303, StartWebapp(4)),
            (2692, Leave(7)),
            (2767, StartAs(6, 3)),
            (3792, Isolate(6, All, 5622)),
            (5628, Cut(5, 0, All, 4159)),
            (5831, Loss(30, 2901)),
            (7033, Loss(10, 6826)),
            (7739, Kill(3)),
            (8357, StartAs(3, 3)),
        ],
    );
}

/// Who came back beside its webapp with its clock set back, and is silent for a moment while the
/// dead life's requests go on.
#[test]
fn a_dead_life_of_a_later_generation_does_not_take_the_server_away() {
    holds(
        41569,
        &[
            (0, Start(0)),
            (0, Start(1)),
            (0, Start(2)),
            (0, Start(4)),
            (0, Start(5)),
            (2264, Clock(5, -5)),
            (3572, KillMember(5)),
            (4830, Start(5)),
        ],
    );
    holds(
        40624,
        &[
            (1869, Start(3)),
            (2826, Start(0)),
            (10602, Clock(3, -3600)),
            (13052, KillMember(3)),
            (15504, Start(3)),
            (16834, KillMember(3)),
        ],
    );
    holds(
        56128,
        &[
            (0, Start(0)),
            (0, Start(2)),
            (0, Start(3)),
            (0, Start(4)),
            (1120, Cut(2, 0, OneWay, 2180)),
            (2785, Clock(3, -5)),
            (3420, Kill(3)),
            (4147, StartAs(3, 3)),
            (6610, Isolate(0, Http, 5185)),
            (6648, StartElsewhere(3)),
        ],
    );
}

/// A webapp that was gone for 17 ms, which a request met, was not well all the time.
#[test]
fn what_was_gone_for_a_moment_may_have_been_met() {
    holds(
        7491,
        &[
            (1, Start(4)),
            (38, Start(5)),
            (374, Start(2)),
            (481, Start(6)),
            (534, Start(9)),
            (866, Start(8)),
            (923, Start(7)),
            (1012, Start(10)),
            (1197, KillWebapp(8)),
            (1467, StartWebapp(8)),
            (1630, Start(0)),
            (1659, Start(1)),
            (2119, Kill(1)),
            (2365, Start(3)),
            (2469, Stop(6, 2376)),
            (2641, Start(11)),
            (3921, Kill(10)),
            (4312, StartElsewhere(10)),
            (5630, Leave(5)),
            (5994, Kill(4)),
            (6554, StartElsewhere(1)),
            (8043, Stop(3, 3793)),
            (9062, StartElsewhere(4)),
            (9548, Cut(3, 5, All, 5491)),
            (11100, Isolate(8, Http, 1933)),
            (11127, Start(5)),
            (14462, Cut(2, 1, All, 6430)),
            (15866, Cut(10, 6, Gossip, 2727)),
            (17612, KillWebapp(9)),
            (17629, StartWebapp(9)),
        ],
    );
}

/// A clock that was set back gave a node the name and generation of one that had been killed.
#[test]
fn a_word_is_about_the_server_of_who_says_it() {
    holds(
        13498,
        &[
            (10628, StartAs(4, 3)),
            (14698, Start(0)),
            (17285, Start(3)),
            (17542, Loss(10, 1430)),
            (19378, Leave(4)),
            (19802, KillMember(3)),
            (22282, Clock(4, -5)),
            (22285, Start(4)),
            (24801, Leave(4)),
        ],
    );
}

/// A liar told of heartbeats that it had yet to reach, and had it evicted while its own stood still.
#[test]
fn who_is_evicted_is_asked_first() {
    holds(
        1109,
        &[
            (200, Start(3)),
            (211, Start(6)),
            (229, Start(1)),
            (284, Start(9)),
            (820, Start(11)),
            (976, Start(10)),
            (1254, Start(0)),
            (1473, Start(2)),
            (1528, Start(12)),
            (2016, Start(13)),
            (2380, Start(8)),
            (2396, Start(4)),
            (2697, Start(5)),
            (2751, Start(7)),
            (3909, Delay(400, 7762)),
            (7476, Leave(5)),
            (7742, KillMember(10)),
            (10127, Start(10)),
            (10238, Leave(13)),
            (12479, Start(5)),
            (13473, Start(13)),
            (14305, Stop(2, 4548)),
            (50443, Pose(12, 12, 88387)),
        ],
    );
}

/// A liar that had been silent for eight seconds, of a later generation, took its server while its heartbeat
/// stood still.
#[test]
fn the_silent_have_no_say_on_a_server_whose_node_speaks() {
    holds(
        2579,
        &[
            (5, Start(6)),
            (113, Start(0)),
            (944, Kill(3)),
            (970, Start(2)),
            (1393, Start(3)),
            (1482, Start(1)),
            (1957, Start(7)),
            (2159, Start(4)),
            (2919, Start(5)),
            (5018, Isolate(2, All, 825)),
            (6082, StartElsewhere(3)),
            (7948, Claim(5, 5, 3000)),
            (18982, Pose(7, 4, 1863)),
        ],
    );
}

/// Who had fallen silent kept its claim to the server beside which it was, though asked in vain, and another
/// that claimed it got it meanwhile.
#[test]
fn who_was_asked_in_vain_has_no_say() {
    holds(
        37516,
        &[
            (887, Start(0)),
            (2749, Start(3)),
            (4222, Claim(3, 3, 7534)),
            (4230, Foretell(3, 3, 44264)),
            (8544, Claim(3, 3, 4566)),
            (8558, Foretell(3, 3, 1049)),
            (9212, StartAs(3, 3)),
            (14025, Claim(3, 3, 7785)),
        ],
    );
}

/// A balancer that had begun elsewhere had not heard yet of the one whose server was claimed.
#[test]
fn who_is_not_known_yet_has_no_server() {
    holds(
        67731,
        &[
            (1519, Start(11)),
            (1675, Start(4)),
            (1684, Start(9)),
            (1978, Start(6)),
            (4298, Stop(11, 5689)),
            (17804, Leave(4)),
            (19256, StartAs(10, 9)),
            (20377, Delay(400, 6767)),
            (22284, StartElsewhere(4)),
            (22377, Kill(0)),
            (24306, Kill(0)),
            (24442, Start(7)),
            (25467, Start(0)),
            (26383, Isolate(11, All, 7970)),
            (28851, StartElsewhere(0)),
            (30373, Claim(4, 4, 3197)),
        ],
    );
}
