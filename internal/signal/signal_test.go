package signal

import "testing"

func TestSignalsThatComeTogetherCountAsOne(t *testing.T) {
	s := New()
	s.Set()
	s.Set()
	<-s.C()
	select {
	case <-s.C():
		t.Error("there is a second one")
	default:
	}
	s.Set()
	<-s.C()
}

func TestTheZeroValueNeitherBlocksNorDelivers(t *testing.T) {
	var s Signal
	s.Set()
	select {
	case <-s.C():
		t.Error("it delivers")
	default:
	}
}
