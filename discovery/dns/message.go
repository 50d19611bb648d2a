package dns

import (
	"encoding/binary"
	"slices"

	"github.com/miekg/dns"
)

const headerSize = 12

// The sections of a message, as they are counted in its header.
const (
	questions = iota
	answers
	authorities
	additional
)

// announced returns the number of records that the header of a message announces for a section.
func announced(packet []byte, section int) int {
	return int(binary.BigEndian.Uint16(packet[4+2*section:]))
}

// unpack reads a message. A message that ends before the records that its header announces counts
// as truncated, because that is what it is, with or without the bit.
//
// The library would make a kilobyte of a record of twelve bytes, and reads a message that ends
// between two records without an error.
func unpack(packet []byte) (*dns.Msg, error) {
	if len(packet) < headerSize {
		return nil, dns.ErrShortRead
	}
	reply, at, err := unpackQuestion(packet)
	if err != nil {
		return nil, err
	}
	r := recordReader{packet: packet, at: at, names: make(map[string]string), room: maxNames}
	truncated := reply.Truncated
	answer, whole := r.section(answers)
	reply.Answer = answer
	if whole {
		reply.Ns, whole = r.section(authorities)
	}
	if !whole || r.broken {
		reply.Truncated = true
		return reply, nil
	}
	extra, whole := r.section(additional)
	reply.Rcode |= r.extendedCode
	reply.Truncated = truncated || r.broken
	if whole && !reply.Truncated { // otherwise part of a set of addresses would pass for all of it
		reply.Extra = extra
	}
	return reply, nil
}

// unpackQuestion reads the header and the question, and returns where the records begin. Some
// servers leave the question out of an error.
func unpackQuestion(packet []byte) (reply *dns.Msg, at int, err error) {
	reply, at = new(dns.Msg), headerSize
	head := slices.Clone(packet)
	clear(head[6:headerSize]) // no records
	switch announced(packet, questions) {
	case 0:
		head = head[:headerSize]
	case 1:
		if len(packet) == headerSize {
			break
		}
		if _, at, err = dns.UnpackDomainName(packet, headerSize); err != nil {
			return nil, 0, err
		}
		at += 4 // the type and the class
	default:
		return nil, 0, errOtherQuestion
	}
	return reply, at, reply.Unpack(head)
}
