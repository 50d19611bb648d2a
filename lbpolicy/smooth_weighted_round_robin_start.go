package lbpolicy

// startAt sets the schedule to the state after t picks. Windows before t are served, and windows
// after t are not. Of the windows that contain t, as many are served as are owed, those that end
// first. The same ones are served at every cut (group.early), so that the sequence repeats from its
// first pick on.
//
// The schedule after t is feasible if, of the windows that end first, at least as many are served
// as the fluid has served, rounded down. The schedule before t is feasible if the owed ones are
// served. The fluid meets both kinds of bound. Each kind is about nested sets, so whole numbers can
// meet both (their matrix is totally unimodular), and then the greedy choice does.
func (s *schedule) startAt(t uint64, follow int) {
	s.now, s.start = t, t
	across, owed := s.lookBack(t, uint64(follow))
	for done, n := int64(0), len(across)-1; n >= 0; n-- {
		s.open(across[n])
		for ; done < owed[n]; done++ {
			i := s.ready.pop().group
			s.groups[i].early = true
			s.serve(i)
		}
	}
}

// lookBackEvents bounds the work of lookBack. With fewer events, hundreds of small and different
// weights wait longer for their first picks.
const lookBackEvents = 1 << 14

// lookBack returns the groups by the start of their window at t, newest first, and for each n how
// many of all but the n newest must be served at t because the time before would not have held the
// others.
//
// At each time s before t the fluid has begun some picks, and its parts of them add up to a whole
// number. In any schedule that many of them are served. Those whose windows end by t may all be
// among them. The rest is owed: the sum of the parts served at s, less 1 for each window that ends
// by t. A group that has been followed for more windows than follow counts as 0 instead of a
// negative number. That asks for more, but for no more than the fluid did.
func (s *schedule) lookBack(t, follow uint64) (across []int32, owed []int64) {
	past, sum := s.seek(t)
	owed = append(owed, int64(sum/s.cycle))
	slope := s.cycle // at time t-at, sum-slope*at is owed; the product may overflow, but the difference is small
	followed := make([]uint64, len(s.groups))
	for len(across) < len(s.groups) {
		e := past.pop()
		windows, rate := followed[e.group], s.groups[e.group].rate
		picks, part := mulDiv(t, rate, s.cycle)
		if windows == 0 {
			across, owed = append(across, e.group), append(owed, 0)
		} else {
			sum += s.cycle
		}
		if windows > follow {
			sum -= part + windows*s.cycle
			slope -= rate
		} else if windows < picks {
			start, _ := mulDiv(picks-windows-1, s.cycle, rate)
			past.push(event{t - start, e.group})
		}
		followed[e.group]++
		owed[len(across)] = max(owed[len(across)], int64(sum-slope*e.at)/int64(s.cycle))
	}
	return across, owed
}

// seek moves each group to the start of its window at t. past has the groups by how long ago that
// is, and sum is what the fluid has served since, in 1/W.
func (s *schedule) seek(t uint64) (past eventHeap, sum uint64) {
	for i := range s.groups {
		g := &s.groups[i]
		picks, part := mulDiv(t, g.rate, s.cycle)
		g.turn = int(picks % uint64(len(g.members)))
		g.end, g.endPart = mulDiv(picks, s.cycle, g.rate)
		past.push(event{t - g.end, int32(i)})
		sum += part
	}
	return past, sum
}
