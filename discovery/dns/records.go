package dns

import (
	"encoding/binary"
	"errors"

	"github.com/miekg/dns"
)

// maxNames is the maximum size of all different names in a message as text. A name of two bytes may
// stand for 1,000: it points to another one, and a byte takes up to four as text. So many are names
// of 100 bytes in each record of a message that is full of targets.
const maxNames = 256 << 10

// recordReader reads the records of a message, and makes only those that the source looks at.
type recordReader struct {
	packet []byte
	at     int
	broken bool // a record cannot be read

	names map[string]string // as text, by their bytes in the message
	room  int               // what is left of maxNames

	extendedCode int // of the message, in a record of EDNS
}

var errRecord = errors.New("a record is broken")

// section reads the records of the next section, and reports whether all are there.
func (r *recordReader) section(number int) (kept []dns.RR, whole bool) {
	for range announced(r.packet, number) {
		if r.at >= len(r.packet) {
			return kept, false
		}
		record, err := r.next(number)
		if err != nil {
			r.broken = true
			return kept, false
		}
		if record != nil {
			kept = append(kept, record)
		}
	}
	return kept, true
}

// next reads a record. It returns nil for one that the source does not look at.
func (r *recordReader) next(section int) (dns.RR, error) {
	const fixedSize = 10 // the type, the class, the TTL, and the size of the content
	start := r.at
	end, err := r.endOfName(start)
	if err != nil || end+fixedSize > len(r.packet) {
		return nil, errRecord
	}
	fixed := r.packet[end:]
	h := dns.RR_Header{
		Rrtype:   binary.BigEndian.Uint16(fixed),
		Class:    binary.BigEndian.Uint16(fixed[2:]),
		Ttl:      binary.BigEndian.Uint32(fixed[4:]),
		Rdlength: binary.BigEndian.Uint16(fixed[8:]),
	}
	content := end + fixedSize
	r.at = content + int(h.Rdlength)
	switch {
	case r.at > len(r.packet):
		return nil, errRecord
	case h.Rrtype == dns.TypeOPT && section == additional:
		r.extendedCode = int(h.Ttl>>24) << 4
		return nil, nil
	case !isLookedAt(h.Rrtype, section):
		return nil, nil
	}
	if h.Name, _, err = r.name(start); err != nil {
		return nil, err
	}
	return r.content(h, content)
}

// isLookedAt reports whether the source looks at records of that type in a section.
func isLookedAt(kind uint16, section int) bool {
	switch kind {
	case dns.TypeA, dns.TypeAAAA:
		return section != authorities
	case dns.TypeSRV, dns.TypeCNAME:
		return section == answers
	case dns.TypeSOA:
		return section == authorities
	}
	return false
}

// content reads the content of a record, which begins at an offset and ends where the next one
// begins.
func (r *recordReader) content(h dns.RR_Header, at int) (dns.RR, error) {
	data := r.packet[at:r.at]
	switch {
	case h.Rrtype == dns.TypeA && len(data) == 4:
		return &dns.A{Hdr: h, A: append([]byte(nil), data...)}, nil
	case h.Rrtype == dns.TypeAAAA && len(data) == 16:
		return &dns.AAAA{Hdr: h, AAAA: append([]byte(nil), data...)}, nil
	case h.Rrtype == dns.TypeCNAME:
		target, err := r.nameUntilEnd(at)
		return &dns.CNAME{Hdr: h, Target: target}, err
	case h.Rrtype == dns.TypeSRV && len(data) > 6:
		target, err := r.nameUntilEnd(at + 6)
		return &dns.SRV{
			Hdr: h, Target: target, Priority: binary.BigEndian.Uint16(data),
			Weight: binary.BigEndian.Uint16(data[2:]), Port: binary.BigEndian.Uint16(data[4:]),
		}, err
	case h.Rrtype == dns.TypeSOA && len(data) >= 4:
		return &dns.SOA{Hdr: h, Minttl: binary.BigEndian.Uint32(data[len(data)-4:])}, nil
	}
	return nil, errRecord
}

// nameUntilEnd returns a name that ends with its record.
func (r *recordReader) nameUntilEnd(at int) (string, error) {
	name, end, err := r.name(at)
	if err == nil && end != r.at {
		err = errRecord
	}
	return name, err
}

// name returns the name at an offset, and where it ends. Equal names are one text.
func (r *recordReader) name(at int) (name string, end int, err error) {
	if end, err = r.endOfName(at); err != nil {
		return "", 0, err
	}
	raw := r.packet[at:end]
	if name, ok := r.names[string(raw)]; ok {
		return name, end, nil
	}
	if name, _, err = dns.UnpackDomainName(r.packet, at); err != nil {
		return "", 0, err
	}
	if r.room -= len(name); r.room < 0 {
		return "", 0, errRecord
	}
	r.names[string(raw)] = name
	return name, end, nil
}

// endOfName returns where a name ends: after the empty label, or after a pointer to the rest of it.
func (r *recordReader) endOfName(at int) (int, error) {
	const pointer = 0xc0
	for at < len(r.packet) {
		switch size := int(r.packet[at]); {
		case size == 0:
			return at + 1, nil
		case size&pointer == pointer:
			return min(at+2, len(r.packet)), nil
		default:
			at += 1 + size
		}
	}
	return 0, errRecord
}
