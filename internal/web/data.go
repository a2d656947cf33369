package web

// data is what the page script draws. Nothing else is given to it.
type data struct {
	Measure string               `json:"measure"`
	Charts  map[string]dataChart `json:"charts"`
}

// dataChart has the fields of its kind: bars, stack, lines or ring. A list of these that
// is empty is said all the same.
type dataChart struct {
	Kind   string      `json:"kind"`
	Points []dataPoint `json:"points,omitzero"`
	Marks  []dataMark  `json:"marks,omitzero"`
	Layers []dataLayer `json:"layers,omitzero"`
	Group  string      `json:"group,omitempty"` // of what the layers are
	Slices []dataSlice `json:"slices,omitzero"`
	Lines  []dataLine  `json:"lines,omitzero"`
	Scale  string      `json:"scale,omitempty"` // of the lines
}

type dataPoint struct {
	Name  string `json:"name"`
	Value *int64 `json:"value,omitempty"` // none of a gap
	Text  string `json:"text"`            // what a reader is told, names of days only
	Gap   bool   `json:"gap,omitempty"`
	Open  bool   `json:"open,omitempty"`
	From  string `json:"from"` // first and last day of the point
	To    string `json:"to"`
}

type dataMark struct {
	At    int    `json:"at"` // the point
	Label string `json:"label"`
	Last  bool   `json:"last,omitempty"`
	Kind  string `json:"kind"`
}

type dataLayer struct {
	Name   string  `json:"name"`
	Color  int     `json:"color"`
	Values []int64 `json:"values"`
	URL    string  `json:"url,omitempty"`
}

type dataLine struct {
	Name   string     `json:"name"`
	Color  int        `json:"color"`
	Values []*float64 `json:"values"` // null where the line is broken
	Counts []int64    `json:"counts"`
}

type dataSlice struct {
	Label string `json:"label"`
	Value int64  `json:"value"`
	Text  string `json:"text"`
	Color int    `json:"color"`
	URL   string `json:"url,omitempty"`
}

// newData returns what a page draws: its days, nil for none, and the rings of
// its lists.
func newData(measure string, d *days, cols [][]box) data {
	all := data{Measure: measure, Charts: map[string]dataChart{}}
	if d != nil {
		all.Charts[d.Name] = d.data()
	}
	for _, col := range cols {
		for _, b := range col {
			if b.List != nil && b.List.Pie != nil && len(b.List.Pie.Slices) > 0 {
				all.Charts[b.List.Name] = b.List.ring()
			}
		}
	}
	return all
}

func (d *days) data() dataChart {
	c := dataChart{Kind: "bars", Points: []dataPoint{}, Marks: []dataMark{}}
	for _, b := range d.Chart.Bars {
		p := dataPoint{Name: b.Name, Text: b.Text(), Gap: b.Gap, Open: b.Open, From: b.From.String(), To: b.To.String()}
		if !b.Gap {
			p.Value = &b.Value
		}
		c.Points = append(c.Points, p)
	}
	for _, m := range d.Chart.Marks {
		c.Marks = append(c.Marks, dataMark{m.At, m.Label, m.Last, "rules"})
	}
	for _, m := range d.Chart.Uploads {
		c.Marks = append(c.Marks, dataMark{At: m.At, Label: m.Label, Kind: "upload"})
	}
	for _, m := range d.Chart.Deletions {
		c.Marks = append(c.Marks, dataMark{At: m.At, Label: m.Label, Kind: "deletion"})
	}
	if d.Group == "" {
		return c
	}
	c.Kind, c.Group = "stack", d.Group
	for _, l := range d.Layers {
		c.Layers = append(c.Layers, dataLayer{l.Title, l.Color, l.values, l.URL})
	}
	return c
}

func (l *list) ring() dataChart {
	c := dataChart{Kind: "ring"}
	for _, s := range l.Pie.Slices {
		to := ""
		if s.Color > 0 && s.Color <= len(l.Rows) {
			to = l.Rows[s.Color-1].URL // slices are the first rows, in their order
		}
		c.Slices = append(c.Slices, dataSlice{s.Label, s.Value, s.Text() + " " + l.By, s.Color, to})
	}
	return c
}
