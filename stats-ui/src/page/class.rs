//! Which colour a server's row has: the class that the style sheet and the legend know by the
//! same name.

use crate::report::{ServerRow, ServerStatus};

/// The class of a server's row.
pub(super) const fn class(server: &ServerRow) -> &'static str {
    let (active, backup) = match &server.status {
        status if status.is_maint() => return "maintain",
        ServerStatus::Down(Some(_)) => ("active_going_up", "backup_going_up"),
        ServerStatus::Down(None) | ServerStatus::DownByAgent => ("active_down", "backup_down"),
        ServerStatus::NoLb(None) => ("active_nolb", "backup_nolb"),
        ServerStatus::NoLb(Some(_)) | ServerStatus::Up(Some(_)) => {
            ("active_going_down", "backup_going_down")
        }
        ServerStatus::NoCheck => ("active_no_check", "backup_no_check"),
        ServerStatus::Up(None) if server.weight > 0 => ("active_up", "backup_up"),
        _ => ("active_draining", "backup_draining"),
    };
    if server.backup { backup } else { active }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Step;

    #[test]
    fn a_state_has_its_colour() {
        let check = |status: ServerStatus, weight, active: &str, backup: &str| {
            let mut server = ServerRow {
                status,
                weight,
                ..ServerRow::default()
            };
            assert_eq!(class(&server), active);
            server.backup = true;
            assert_eq!(class(&server), backup);
        };
        let step = Some(Step { at: 1, of: 2 });
        check(ServerStatus::Up(None), 1, "active_up", "backup_up");
        check(
            ServerStatus::Up(None),
            0,
            "active_draining",
            "backup_draining",
        );
        check(
            ServerStatus::Up(step),
            1,
            "active_going_down",
            "backup_going_down",
        );
        check(ServerStatus::Down(None), 1, "active_down", "backup_down");
        check(ServerStatus::DownByAgent, 1, "active_down", "backup_down");
        check(
            ServerStatus::Down(step),
            1,
            "active_going_up",
            "backup_going_up",
        );
        check(ServerStatus::NoLb(None), 1, "active_nolb", "backup_nolb");
        check(
            ServerStatus::NoLb(step),
            1,
            "active_going_down",
            "backup_going_down",
        );
        check(
            ServerStatus::Drain(None),
            1,
            "active_draining",
            "backup_draining",
        );
        check(
            ServerStatus::Drain(step),
            1,
            "active_draining",
            "backup_draining",
        );
        check(
            ServerStatus::DrainByAgent,
            1,
            "active_draining",
            "backup_draining",
        );
        check(
            ServerStatus::NoCheck,
            1,
            "active_no_check",
            "backup_no_check",
        );
        check(ServerStatus::Maint, 1, "maintain", "maintain");
        check(
            ServerStatus::MaintVia("a/b".to_owned()),
            1,
            "maintain",
            "maintain",
        );
        check(ServerStatus::MaintResolution, 1, "maintain", "maintain");
    }
}
