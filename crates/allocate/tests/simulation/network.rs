use std::time::Duration;

use super::chance::Chance;
use super::process::Call;

const MILLISECOND: Duration = Duration::from_millis(1);

/// The way between the replicas and the API server.
#[derive(Debug)]
pub(super) struct Network {
    chance: Chance,
    weather: Weather,
    /// Until when nothing of this replica's gets through, in either direction.
    cut_off: [Duration; 2],
    /// Until when the server refuses all requests with one of these codes.
    refusing: Option<(Duration, u16)>,
}

/// How often something goes wrong, in percent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// A request never arrives.
    lost: u64,
    /// A request is served, and the answer never arrives.
    unanswered: u64,
    /// A request or its answer travels for seconds.
    slow: u64,
    /// The server answers 429 or 500.
    refused: u64,
    /// A change takes seconds to come through a watch.
    lagging: u64,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    /// When it takes effect, if ever.
    pub(super) arrives: Option<Duration>,
    /// When the caller hears of it.
    pub(super) heard: Duration,
    pub(super) news: News,
}

/// What a caller hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Answer,
    Refused(u16),
    /// The connection broke or the time is up.
    Nothing,
}

impl Weather {
    /// Every seed has troubles of its own, so that each is met with and without the others.
    pub(super) fn draw(chance: &mut Chance) -> Self {
        let mut trouble = || chance.one_of(&[0, 0, 2, 5, 20]);
        Self {
            lost: trouble(),
            unanswered: trouble(),
            slow: trouble(),
            refused: trouble(),
            lagging: trouble(),
        }
    }

    const FAIR: Self = Self {
        lost: 0,
        unanswered: 0,
        slow: 0,
        refused: 0,
        lagging: 0,
    };
}

impl Network {
    pub(super) fn new(mut chance: Chance) -> Self {
        Self {
            weather: Weather::draw(&mut chance),
            chance,
            cut_off: [Duration::ZERO; 2],
            refusing: None,
        }
    }

    /// Nothing goes wrong from now on.
    pub(super) fn calm(&mut self) {
        self.weather = Weather::FAIR;
        self.cut_off = [Duration::ZERO; 2];
        self.refusing = None;
    }

    pub(super) fn cut_off(&mut self, replica: usize, until: Duration) {
        self.cut_off[replica] = self.cut_off[replica].max(until);
    }

    pub(super) fn is_cut_off(&self, replica: usize, now: Duration) -> bool {
        now < self.cut_off[replica]
    }

    pub(super) fn refuse(&mut self, code: u16, until: Duration) {
        self.refusing = Some((until, code));
    }

    /// How long a task takes from being told to send until it sends.
    pub(super) fn hesitation(&mut self) -> Duration {
        self.chance.between(Duration::ZERO, 2 * MILLISECOND)
    }

    /// How long a change takes through a watch.
    pub(super) fn lag(&mut self) -> Duration {
        if self.chance.percent(self.weather.lagging) {
            return self
                .chance
                .between(Duration::from_millis(500), Duration::from_secs(20));
        }
        self.chance.between(MILLISECOND, 30 * MILLISECOND)
    }

    /// What becomes of a call that `replica` sends now.
    pub(super) fn fate(&mut self, replica: usize, now: Duration, call: &Call) -> Fate {
        let give_up = now + call.timeout;
        if self.is_cut_off(replica, now) || self.chance.percent(self.weather.lost) {
            return self.without_an_answer(now, give_up, None);
        }
        let there = now + self.latency(call.timeout);
        if let Some(code) = self.refusal(now) {
            return Fate {
                arrives: None,
                heard: there.min(give_up),
                news: News::Refused(code),
            };
        }
        let arrives = Some(there).filter(|there| *there < give_up);
        if self.chance.percent(self.weather.unanswered) {
            return self.without_an_answer(now, give_up, arrives);
        }
        let back = there + self.latency(call.timeout);
        match arrives {
            Some(_) if back < give_up && !self.is_cut_off(replica, back) => Fate {
                arrives,
                heard: back,
                news: News::Answer,
            },
            _ => self.without_an_answer(now, give_up, arrives),
        }
    }

    /// The caller hears of a broken connection, perhaps before the request has taken effect, or of nothing.
    fn without_an_answer(&mut self, now: Duration, give_up: Duration, arrives: Option<Duration>) -> Fate {
        let broken = now + self.chance.between(MILLISECOND, 100 * MILLISECOND);
        Fate {
            arrives,
            heard: if self.chance.percent(50) {
                broken.min(give_up)
            } else {
                give_up
            },
            news: News::Nothing,
        }
    }

    fn refusal(&mut self, now: Duration) -> Option<u16> {
        if let Some((_, code)) = self.refusing.filter(|(until, _)| now < *until) {
            return Some(code);
        }
        let refused = self.chance.percent(self.weather.refused);
        refused.then(|| self.chance.one_of(&[429, 500, 503]))
    }

    fn latency(&mut self, longest: Duration) -> Duration {
        if self.chance.percent(self.weather.slow) {
            return self.chance.between(20 * MILLISECOND, longest);
        }
        self.chance.between(MILLISECOND / 2, 10 * MILLISECOND)
    }
}
