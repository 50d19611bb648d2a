package command

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// screen is a terminal that shows a text which is replaced again and again.
type screen struct {
	file *os.File
}

// The control sequences of terminals since the VT100.
const (
	home       = "\x1b[H"  // moves the cursor to the first line
	clearLine  = "\x1b[K"  // clears what is left of the line
	clearBelow = "\x1b[J"  // clears all lines below
	clearAll   = "\x1b[2J" // clears the terminal
)

// start clears the terminal, so that the first text stands alone.
func (s *screen) start() error {
	_, err := s.file.WriteString(clearAll)
	return err
}

// draw shows a text in one write, so that it does not flicker.
func (s *screen) draw(text string) error {
	width, height, err := term.GetSize(int(s.file.Fd()))
	if err != nil {
		return err
	}
	_, err = s.file.WriteString(frameOf(text, width, height))
	return err
}

// frameOf returns what a terminal is sent to show a text, as far as it fits. The last line stays
// free for the cursor. A serial console says that its size is 0 by 0, and has that of the VT100.
func frameOf(text string, width, height int) string {
	if width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if most := max(height-1, 1); len(lines) > most {
		lines = lines[:most]
	}
	var frame strings.Builder
	frame.WriteString(home)
	for _, line := range lines {
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width])
		}
		frame.WriteString(line + clearLine + "\n")
	}
	frame.WriteString(clearBelow)
	return frame.String()
}
