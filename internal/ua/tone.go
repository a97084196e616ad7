package ua

import "math"

const (
	sampleRate   = 8000
	frameSamples = 160 // 20 ms
	toneHertz    = 425 // the ringing and engaged tone of most of Europe
	tonePeak     = 8000.0
)

// tone gives the two frames of u-law after which the tone is where it began: 425
// periods of it take 8000 samples, 17 take 320.
func tone() [2][frameSamples]byte {
	var frames [2][frameSamples]byte
	for i := range 2 * frameSamples {
		x := tonePeak * math.Sin(2*math.Pi*toneHertz*float64(i)/sampleRate)
		frames[i/frameSamples][i%frameSamples] = ulaw(int(math.Round(x)))
	}
	return frames
}

// ulaw codes a 16-bit sample (ITU-T G.711, table 2a).
func ulaw(sample int) byte {
	const bias, clip = 132, 32635
	sign := byte(0)
	if sample < 0 {
		sample, sign = -sample, 0x80
	}
	sample = min(sample, clip) + bias
	exponent := 7
	for mask := 1 << 14; exponent > 0 && sample&mask == 0; mask >>= 1 {
		exponent--
	}
	mantissa := byte(sample>>(exponent+3)) & 0x0f
	return ^(sign | byte(exponent)<<4 | mantissa)
}
