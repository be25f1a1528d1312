//! Counts of bad connects among all, and how well one rate explains them.

/// Bad connects and all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Count {
    pub bad: f64,
    pub all: f64,
}

impl Count {
    pub fn rate(self) -> f64 {
        if self.all > 0.0 { self.bad / self.all } else { 0.0 }
    }

    pub fn add(&mut self, weight: f64, bad: bool) {
        self.all += weight;
        self.bad += if bad { weight } else { 0.0 };
    }

    pub fn plus(&mut self, other: Self) {
        self.bad += other.bad;
        self.all += other.all;
    }

    pub fn less(self, other: Self) -> Self {
        Self { bad: (self.bad - other.bad).max(0.0), all: (self.all - other.all).max(0.0) }
    }

    /// Log-likelihood of the counts at their own rate.
    pub fn likelihood(self) -> f64 {
        let term = |count: f64, share: f64| if count > 0.0 { count * share.ln() } else { 0.0 };
        term(self.bad, self.rate()) + term(self.all - self.bad, 1.0 - self.rate())
    }
}
