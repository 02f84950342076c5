use backup_policy::{Anchor, Bucket, Kind, Period, Plan, Policy, Rule, Unit, Weakening};

use crate::keep;

fn weaker(old: &Policy, new: &Policy) -> Vec<String> {
    old.weakens(new)
        .iter()
        .map(|weakening| serde_json::to_value(weakening).unwrap()["type"].as_str().unwrap().to_owned())
        .collect()
}

fn is_weaker(old: impl Into<Rule>, new: impl Into<Rule>) -> bool {
    let found = weaker(&keep(old), &keep(new));
    assert!(found.is_empty() || found == ["rule"], "{found:?}");
    !found.is_empty()
}

#[test]
fn a_policy_does_not_weaken_itself() {
    let policy = keep(Rule::last(3))
        .and(Rule::ttl(Period::days(3)).of([Kind::Manual]))
        .at_most(3)
        .at_least(2)
        .recoverable_for(Period::days(1))
        .failed_for(Period::days(1));
    assert!(weaker(&policy, &policy).is_empty());
    assert!(weaker(&policy.clone().counting_distinct(), &policy.counting_distinct()).is_empty());
}

#[test]
fn a19_smaller_counts_and_shorter_times_are_weaker() {
    assert!(is_weaker(Rule::last(3), Rule::last(2)) && !is_weaker(Rule::last(2), Rule::last(3)));
    assert!(is_weaker(Rule::daily(3), Rule::daily(2)) && !is_weaker(Rule::daily(2), Rule::daily(3)));
    let ttl = |text: &str| Rule::ttl(text.parse().unwrap());
    assert!(is_weaker(ttl("P3M"), ttl("P2M")) && !is_weaker(ttl("P2M"), ttl("P3M")));
    // A month may have more days than 30, and fewer.
    assert!(is_weaker(ttl("P1M"), ttl("P30D")) && is_weaker(ttl("P30D"), ttl("P1M")));
    assert!(!is_weaker(ttl("P28D"), ttl("P1M")) && !is_weaker(ttl("P1M"), ttl("P31D")));
    assert!(is_weaker(Rule::forever(), ttl("P100Y")) && !is_weaker(ttl("P100Y"), Rule::forever()));
    assert!(is_weaker(Rule::within(Period::days(3)), Rule::within_of_now(Period::days(9))));
    assert!(!is_weaker(Rule::within_of_now(Period::days(3)), Rule::within(Period::days(3))));
    assert!(!is_weaker(Rule::within_of_now(Period::days(3)), ttl("P3D")));
}

#[test]
fn other_buckets_are_weaker_unless_all_is_kept() {
    let daily = || Bucket::new(Unit::Daily, 9);
    assert!(is_weaker(daily(), Rule::weekly(9)));
    assert!(is_weaker(daily(), daily().first()));
    assert!(is_weaker(daily(), daily().every(2)));
    assert!(is_weaker(daily(), daily().within(Period::days(9), Anchor::Newest)));
    assert!(!is_weaker(daily().within(Period::days(9), Anchor::Newest), daily()));
    assert!(is_weaker(
        daily().within(Period::days(9), Anchor::Newest),
        daily().within(Period::days(9), Anchor::Now)
    ));
    assert!(is_weaker(daily().keep_oldest(), daily()));
    assert!(!is_weaker(daily(), daily().keep_oldest()));
    assert!(!is_weaker(daily().within(Period::days(9), Anchor::Now), Rule::ttl(Period::days(9))));
    assert!(!is_weaker(daily(), Rule::forever()));
    assert!(
        !is_weaker(Rule::last(0), Rule::daily(1)) && !is_weaker(Bucket::new(Unit::Daily, 0), Rule::last(0))
    );
}

#[test]
fn a_rule_for_fewer_or_other_kinds_is_weaker() {
    let manual = || Rule::last(3).of([Kind::Manual]);
    assert_eq!(weaker(&keep(Rule::last(3)), &keep(manual())), ["rule"]);
    // More kinds take places of a count, but not of a time to live.
    let both = [Kind::Manual, Kind::Final];
    assert_eq!(weaker(&keep(manual()), &keep(Rule::last(3).of(both))), ["rule", "newly_covered"]);
    let ttl = || Rule::ttl(Period::days(3));
    assert_eq!(
        weaker(&keep(ttl().of([Kind::Manual])).and(manual()), &keep(ttl()).and(manual())),
        ["newly_covered"]
    );
    assert!(weaker(&keep(ttl().of([Kind::Manual])), &keep(Rule::forever())).is_empty());
    // The newest of more kinds may be newer, and what is young compared with it is less.
    let within = || Rule::within(Period::days(3));
    let all = || Rule::last(1);
    assert_eq!(weaker(&keep(within().of([Kind::Manual])).and(all()), &keep(within()).and(all())), ["rule"]);
    let from_now = || Rule::within_of_now(Period::days(3));
    assert!(weaker(&keep(from_now().of([Kind::Manual])).and(all()), &keep(from_now()).and(all())).is_empty());
}

#[test]
fn a_first_rule_on_a_kind_ends_its_being_kept() {
    let old = keep(Rule::last(3).of([Kind::Manual]));
    let new = old.clone().and(Rule::ttl(Period::days(3)).of([Kind::Final, Kind::Manual]));
    assert_eq!(old.weakens(&new), [Weakening::NewlyCovered { kinds: Some([Kind::Final].into()) }]);
    let all = old.clone().and(Rule::ttl(Period::days(3)));
    assert_eq!(old.weakens(&all), [Weakening::NewlyCovered { kinds: None }]);
    assert!(old.weakens(&old.clone().and(Rule::forever().of([Kind::Final]))).is_empty());
    assert_eq!(weaker(&Policy::keep_everything(), &Policy::keep(Rule::last(3))), ["newly_covered"]);
    assert!(weaker(&Policy::keep(Rule::last(3)), &Policy::keep_everything()).is_empty());
}

#[test]
fn tags_are_weaker_if_more_are_asked_for() {
    assert!(is_weaker(Rule::tagged(["a"]), Rule::tagged(["a", "b"])));
    assert!(!is_weaker(Rule::tagged(["a", "b"]), Rule::tagged(["b"])));
    assert!(is_weaker(Rule::tagged(["a"]), Rule::tagged(["b"])));
}

#[test]
fn everything_else_that_protects_is_compared() {
    let base = || Policy::keep(Rule::daily(3)).at_least(2).at_least_verified(2);
    let cases: Vec<(Policy, Policy, &str)> = vec![
        (base(), base().at_least(1), "min_keep"),
        (base(), base().at_least_verified(1), "min_keep_verified"),
        (base().failed_for(Period::days(2)), base(), "failed_ttl"),
        (base().failed_for(Period::days(2)), base().failed_for(Period::days(1)), "failed_ttl"),
        (base().recoverable_for(Period::days(2)), base(), "pitr"),
        (base().recoverable_for(Period::days(2)), base().recoverable_for(Period::days(1)), "pitr"),
        (base(), base().at_most(100), "max_count"),
        (base().at_most(100), base().at_most(99), "max_count"),
        (base().at_most_of(9, [Kind::Manual]), base().at_most(9), "max_count"),
        (base().at_most(100), base().and(Rule::last(9)).at_most(100), "displacement"),
        (base(), base().purging([Kind::Automatic]), "purge_on_deprovision"),
        (base(), base().in_zone("Asia/Tokyo".parse().unwrap()), "zone"),
        (base().and(Rule::weekly(1)), base().and(Rule::weekly(1)).weeks_from_sunday(), "week_start"),
        (base().and(Rule::last(1)).counting_distinct(), base().and(Rule::last(1)), "counting"),
    ];
    for (old, new, expected) in &cases {
        assert_eq!(weaker(old, new), [*expected], "{new:?}");
        let text = old.weakens(new)[0].to_string();
        assert!(text.len() > 20 && !text.ends_with('.'), "{text}");
    }
    // The other way round nothing is weaker, but where neither is the stronger.
    for (old, new, _) in
        cases.iter().filter(|(.., name)| !["zone", "week_start", "displacement"].contains(name))
    {
        assert!(weaker(new, old).is_empty(), "{old:?}");
    }
    // Neither weeks nor zones matter where nothing asks for them.
    assert!(weaker(&base(), &base().weeks_from_sunday()).is_empty());
    let last = || keep(Rule::last(3));
    assert!(weaker(&last(), &last().in_zone("Asia/Tokyo".parse().unwrap())).is_empty());
}

#[test]
fn distinct_counting_wants_its_rules_in_order() {
    let (days, weeks) = (Rule::daily(3), Rule::weekly(3));
    let old = keep(days.clone()).and(weeks.clone()).counting_distinct();
    assert!(
        weaker(&old, &keep(days.clone()).and(Rule::last(1)).and(weeks.clone()).counting_distinct())
            .is_empty()
    );
    assert_eq!(weaker(&old, &keep(weeks).and(days.clone()).counting_distinct()), ["rule"]);
    // Each must have its own match: three days and again three days are six.
    let twice = keep(days.clone()).and(days.clone()).counting_distinct();
    assert_eq!(weaker(&twice, &keep(days).counting_distinct()), ["rule"]);
}

#[test]
fn a11_a12_copies_and_finals_turned_off_are_weaker() {
    let old = Plan::new(keep(Rule::last(3))).copied_to("eu", keep(Rule::last(3))).with_final_backup();
    assert!(old.weakens(&old).is_empty());
    let off = Plan::new(keep(Rule::last(3)));
    assert_eq!(old.weakens(&off), [Weakening::NoCopies { location: "eu".into() }, Weakening::NoFinalBackup]);
    let fewer = Plan::new(keep(Rule::last(3))).copied_to("eu", keep(Rule::last(2))).with_final_backup();
    assert_eq!(
        old.weakens(&fewer)[0].to_string(),
        "of the copies in \"eu\": the rule \"last\" keeps less, and no other keeps as much"
    );
    assert!(off.weakens(&old).is_empty());
}
