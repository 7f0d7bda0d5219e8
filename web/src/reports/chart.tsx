import { useComputedColorScheme } from '@mantine/core'
import { BarChart, LineChart } from 'echarts/charts'
import { AriaComponent, GridComponent, MarkLineComponent, TooltipComponent } from 'echarts/components'
import { type EChartsType, init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { directionOf } from '../i18n/i18n.ts'
import { type Figure, type Report, unitOf } from './report.ts'
import classes from './reports.module.css'
import { useFigureText } from './use-figure-text.ts'

use([AriaComponent, BarChart, GridComponent, LineChart, MarkLineComponent, SVGRenderer, TooltipComponent])

const COLOURS = {
  light: { bar: '#0B57D0', text: '#1A1B1E', line: '#D5D9DE', goal: '#8F0F14' },
  dark: { bar: '#5B9BF0', text: '#F1F3F5', line: '#4A4D51', goal: '#FF6B52' }
} as const

const HATCH = { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [3, 4], rotation: -Math.PI / 4 }

/** A figure over time, with its goal as a line; what is still running is hatched. In Arabic time runs from right to left. */
export function Chart({ report, figure, goal }: Readonly<{ report: Report; figure: Figure; goal: number | null }>) {
  const { t, i18n } = useTranslation('reports')
  const scheme = useComputedColorScheme('light')
  const textOf = useFigureText()
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<EChartsType | null>(null)

  useEffect(() => {
    if (box.current === null) return
    const own = init(box.current, null, { renderer: 'svg' })
    chart.current = own
    const watch = new ResizeObserver(() => own.resize())
    watch.observe(box.current)
    return () => {
      watch.disconnect()
      own.dispose()
      chart.current = null
    }
  }, [])

  useEffect(() => {
    const colours = COLOURS[scheme]
    const isRtl = directionOf(i18n.language) === 'rtl'
    const unit = unitOf(figure)
    chart.current?.setOption(
      {
        animation: !matchMedia('(prefers-reduced-motion: reduce)').matches,
        animationDuration: 150,
        aria: { enabled: true, label: { description: t('chartSays', { figure: t(`figure.${figure}`) }) } },
        textStyle: { color: colours.text, fontFamily: 'inherit' },
        grid: { left: 8, right: 8, top: 24, bottom: 8, containLabel: true },
        tooltip: { trigger: 'axis', valueFormatter: (value: unknown) => textOf(figure, toNumber(value)) },
        xAxis: {
          type: 'category',
          inverse: isRtl,
          data: report.totals.map(one => labelOf(one.from, report.interval)),
          axisLabel: { color: colours.text, hideOverlap: true }
        },
        yAxis: {
          type: 'value',
          position: isRtl ? 'right' : 'left',
          min: 0,
          ...(unit === 'share' && { max: 1 }),
          axisLabel: { color: colours.text, formatter: (value: number) => textOf(figure, value) },
          splitLine: { lineStyle: { color: colours.line } }
        },
        series: [
          {
            name: t(`figure.${figure}`),
            type: unit === 'share' ? 'line' : 'bar',
            color: colours.bar,
            symbolSize: 8,
            connectNulls: false,
            data: report.totals.map(one => ({
              value: one.figures[figure] ?? '-',
              ...(one.isPartial && {
                symbol: 'emptyCircle',
                itemStyle: { decal: HATCH, opacity: 0.7 }
              })
            })),
            ...(goal !== null && {
              markLine: {
                symbol: 'none',
                silent: true,
                lineStyle: { color: colours.goal, width: 2, type: 'dashed' },
                label: {
                  formatter: t('goal', { percent: textOf(figure, goal) }),
                  color: colours.goal,
                  position: 'insideEndTop'
                },
                data: [{ yAxis: goal }]
              }
            })
          }
        ]
      },
      true
    )
  }, [report, figure, goal, scheme, i18n.language, t, textOf])

  return (
    <div
      ref={box}
      className={classes['chart']}
      role="img"
      aria-label={t('chartSays', { figure: t(`figure.${figure}`) })}
    />
  )
}

function labelOf(from: string, interval: string | null): string {
  return interval === 'day' ? from.slice(5, 10) : `${from.slice(5, 10)} ${from.slice(11, 16)}`
}

function toNumber(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
