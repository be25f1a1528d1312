//! A backend of plotters that writes small SVG: elements have classes and no
//! style, and consecutive ones drawn alike are one path.

use std::convert::Infallible;
use std::fmt::Write;

use minijinja::HtmlEscape;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::ink::Ink;

/// Drawn units of one unit of the page: positions are whole numbers, so there
/// are more of them than pixels.
pub const FINE: u32 = 2;

/// What is drawn next may join the path that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Line,
    Area,
}

/// The inside of an `svg` element.
pub struct Svg<'a> {
    out: &'a mut String,
    size: (u32, u32),
    open: Option<(Ink, Shape)>,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl<'a> Svg<'a> {
    /// Of so many units, appended to `out`.
    pub fn new(out: &'a mut String, size: (u32, u32)) -> Self {
        Self { out, size, open: None }
    }

    fn path(&mut self, colour: BackendColor, shape: Shape, data: std::fmt::Arguments<'_>) -> Drawn {
        if colour.alpha == 0.0 {
            return Ok(());
        }
        let ink = Ink::of_colour(colour.rgb);
        if self.open != Some((ink, shape)) {
            self.close();
            let prefix = if shape == Shape::Line { "l-" } else { "f-" };
            // Writing to a String cannot fail, here and below.
            let _ = write!(self.out, r#"<path class="{prefix}{}" d=""#, ink.class());
            self.open = Some((ink, shape));
        }
        let _ = self.out.write_fmt(data);
        Ok(())
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.out.push_str("\"/>");
        }
    }

    fn points(&mut self, colour: BackendColor, shape: Shape, points: &[BackendCoord]) -> Drawn {
        let [first, rest @ ..] = points else { return Ok(()) };
        let mut data = format!("M{} {}", first.0, first.1);
        let mut last = *first;
        for (place, point) in rest.iter().enumerate() {
            let command = if place == 0 { "l" } else { " " };
            let _ = write!(data, "{command}{} {}", point.0 - last.0, point.1 - last.1);
            last = *point;
        }
        let end = if shape == Shape::Area { "z" } else { "" };
        self.path(colour, shape, format_args!("{data}{end}"))
    }
}

impl Drop for Svg<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

impl DrawingBackend for Svg<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        self.close();
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        self.path(colour, Shape::Area, format_args!("M{x} {y}h1v1h-1z"))
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.points(style.color(), Shape::Line, &[from, to])
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let shape = if fill { Shape::Area } else { Shape::Line };
        let (width, height) = (right - left, bottom - top);
        let data = format_args!("M{left} {top}h{width}v{height}h{}z", -width);
        self.path(style.color(), shape, data)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<BackendCoord> = path.into_iter().collect();
        self.points(style.color(), Shape::Line, &points)
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        let left = x - i32::try_from(radius).unwrap_or(0);
        let width = radius * 2;
        let half = format!("a{radius} {radius} 0 1 0 ");
        let data = format_args!("M{left} {y}{half}{width} 0{half}-{width} 0z");
        self.path(style.color(), Shape::Area, data)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<BackendCoord> = corners.into_iter().collect();
        self.points(style.color(), Shape::Area, &points)
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Drawn {
        self.close();
        let class = Ink::of_colour(style.color().rgb).class();
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => r#" text-anchor="middle""#,
            HPos::Right => r#" text-anchor="end""#,
        };
        // Down to the line that letters stand on.
        let down = match style.anchor().v_pos {
            VPos::Top => 0.8,
            VPos::Center => 0.35,
            VPos::Bottom => -0.2,
        };
        let y = y + (style.size() * down).round() as i32;
        let text = HtmlEscape(text);
        let _ =
            write!(self.out, r#"<text class="t-{class}" x="{x}" y="{y}"{anchor}>{text}</text>"#);
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        // Nobody knows the reader's font; digits are about so wide.
        let width = text.chars().count() as f64 * style.size() * 0.6;
        Ok((width as u32, style.size() as u32))
    }
}

#[cfg(test)]
mod tests {
    use plotters::prelude::{EmptyElement, IntoDrawingArea, PathElement, Rectangle, Text};
    use plotters::style::{Color, IntoFont};

    use super::*;

    #[test]
    fn what_is_alike_is_one_path_and_text_is_escaped() {
        let mut out = String::new();
        let area = Svg::new(&mut out, (100, 100)).into_drawing_area();
        let fill = Ink::ALL.colour().filled();
        for x in [0, 10] {
            area.draw(&Rectangle::new([(x, 5), (x + 10, 20)], fill)).expect("drawn");
        }
        let points = vec![(1, 2), (3, 4), (0, 9)];
        area.draw(&PathElement::new(points, Color::stroke_width(&Ink::P99.colour(), 2)))
            .expect("drawn");
        let style = ("sans-serif", 20).into_font().color(&Ink::LABEL.colour());
        area.draw(&(EmptyElement::at((5, 5)) + Text::new("<b>&", (0, 0), style))).expect("drawn");
        drop(area);
        assert_eq!(
            out,
            "<path class=\"f-all\" d=\"M0 5h10v15h-10zM10 5h10v15h-10z\"/>\
             <path class=\"l-p99\" d=\"M1 2l2 2 -3 5\"/>\
             <text class=\"t-label\" x=\"5\" y=\"21\">&lt;b&gt;&amp;</text>"
        );
    }
}
