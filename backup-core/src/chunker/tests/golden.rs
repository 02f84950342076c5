//! Cut points that never change: another implementation can be checked against them.
//!
//! The table is the first 256 numbers of SplitMix64 seeded with 1.

use super::{Numbers, gear, lengths};
use crate::chunker::Sizes;

/// The numbers of SplitMix64 seeded with 2, little-endian.
#[test]
fn of_content_without_structure() {
    let expected = [
        1104253, 1055141, 942883, 903292, 1500668, 967945, 929173, 374665, 926648, 1098012, 1649806, 1665287,
        601379, 859553, 963065, 787545, 1166721, 864201, 1312907, 993648, 432336, 1379323, 392719, 960729,
        941479, 934607, 964284, 1142439, 1382571, 1097511, 1098447, 1775483, 385712,
    ];
    assert_eq!(lengths(&gear(Sizes::DEFAULT), &Numbers::bytes(2, 32 << 20)), expected);
}

/// Rows of JSON, whose values are numbers of SplitMix64 seeded with 3.
#[test]
fn of_content_that_compresses() {
    let mut numbers = Numbers(3);
    let mut rows = String::new();
    let mut id = 0;
    while rows.len() < 32 << 20 {
        id += 1;
        let (name, amount) = (numbers.next() % 1000, numbers.next() % 100_000);
        rows.push_str(&format!(
            "{{\"id\":{id},\"name\":\"customer {name}\",\"amount\":{amount},\"paid\":true}}\n"
        ));
    }
    let expected = [
        896244, 934423, 450086, 926978, 907828, 1258175, 1344355, 976477, 1026178, 1299663, 913329, 1056270,
        1013141, 876033, 834581, 945338, 1082097, 1446169, 1092994, 884775, 1059960, 928590, 1096672, 854599,
        915512, 1260739, 977103, 916968, 910159, 1435051, 888165, 1224553, 921227,
    ];
    assert_eq!(lengths(&gear(Sizes::DEFAULT), &rows.as_bytes()[..32 << 20]), expected);
}
